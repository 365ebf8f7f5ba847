/* SPDX-License-Identifier: ISC
 *
 * Domain names in one form, so that both ways of writing an internationalised
 * one are the same.
 */
#ifndef MULTIDROPD_CONFIG_DOMAIN_H
#define MULTIDROPD_CONFIG_DOMAIN_H

#include <stdbool.h>

#include "multidropd/str.h"

/*
 * Lower case, U-labels (UTF-8) as A-labels (RFC 5891, UTS 46 nontransitional).
 * A leading dot stays; whether the rest is a name is not looked at. NULL: there
 * is no such form. The caller frees.
 */
char *domain_ascii(const char *name) __attribute__((warn_unused_result));

/* It is one of `domains`, or below one with a leading dot. All in the form above. */
bool domain_is_among(const char *domain, const struct strlist *domains);

#endif
