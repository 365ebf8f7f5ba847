/* SPDX-License-Identifier: ISC
 *
 * What went wrong with TLS in words that name the way out. Names and dates are
 * the peer's: cut, and reduced to visible ASCII.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "tls_private.h"

#define NAMES_MAX 8
#define NAME_LEN_MAX 64
#define ISSUER_LEN_MAX 128

static void add_foreign(struct strbuf *out, const unsigned char *text, size_t len)
{
	for (size_t i = 0; i < len && i < NAME_LEN_MAX; i++)
		strbuf_add_byte(out, text[i] > ' ' && text[i] < 0x7f ? (char)text[i] : '?');
	if (len > NAME_LEN_MAX)
		strbuf_add_str(out, "...");
}

static void add_general_name(struct strbuf *out, const GENERAL_NAME *name)
{
	char address[INET6_ADDRSTRLEN];
	const ASN1_OCTET_STRING *bytes = name->d.iPAddress;

	if (name->type == GEN_DNS)
		add_foreign(out, ASN1_STRING_get0_data(name->d.dNSName), (size_t)ASN1_STRING_length(name->d.dNSName));
	else if (inet_ntop(ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(bytes), address,
	                   sizeof(address)) != NULL)
		strbuf_add_str(out, address);
}

static bool is_host_name(const GENERAL_NAME *name)
{
	int len = name->type == GEN_IPADD ? ASN1_STRING_length(name->d.iPAddress) : 0;

	return name->type == GEN_DNS || len == 4 || len == 16;
}

/* "a.example, b.example", or "" when there is no subjectAltName that could name a host. */
static void add_names(struct strbuf *out, const X509 *leaf)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	int count = names != NULL ? sk_GENERAL_NAME_num(names) : 0;
	int shown = 0;

	for (int i = 0; i < count; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (!is_host_name(name))
			continue;
		if (shown == NAMES_MAX) {
			strbuf_add_str(out, ", ...");
			break;
		}
		strbuf_add_str(out, shown++ > 0 ? ", " : "");
		add_general_name(out, name);
	}
	GENERAL_NAMES_free(names);
}

static void add_date(struct strbuf *out, const ASN1_TIME *time)
{
	struct tm tm;
	char text[64];

	if (ASN1_TIME_to_tm(time, &tm) == 1 && strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm) > 0)
		strbuf_add_str(out, text);
	else
		strbuf_add_str(out, "a date that is none");
}

static void add_issuer(struct strbuf *out, const X509 *certificate)
{
	char text[ISSUER_LEN_MAX];

	if (X509_NAME_oneline(X509_get_issuer_name(certificate), text, sizeof(text)) == NULL)
		return;
	strbuf_add_str(out, text);
}

static void add_pin(struct strbuf *out, const X509 *leaf)
{
	struct tls_pin pin;
	char hex[2 * DIGEST_SHA256_LEN + 1];

	tls_pin_of(leaf, &pin);
	digest_hex(pin.sha256, sizeof(pin.sha256), hex);
	strbuf_addf(out, "tls_fingerprint = \"sha256:%s\"", hex);
}

static void add_names_mismatch(struct strbuf *out, const struct tls_client *client, const X509 *leaf)
{
	struct strbuf names = { 0 };

	add_names(&names, leaf);
	if (names.len > 0)
		strbuf_addf(out, " is for %s, not for %s; if one of these is right, set tls_name to it",
		            strbuf_str(&names), client->name);
	else
		strbuf_addf(out, " has no subjectAltName, so it is not for %s (a common name does not count)",
		            client->name);
	strbuf_free(&names);
}

/* What is wrong, beginning with a blank, and what helps besides a pin. */
static void add_finding(struct strbuf *out, const struct tls_client *client, const struct tls_finding *finding)
{
	const X509 *culprit = finding->culprit != NULL ? finding->culprit : finding->leaf;

	switch (finding->error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		strbuf_add_str(out, " expired on ");
		add_date(out, X509_get0_notAfter(culprit));
		strbuf_add_str(out, "; its operator has to renew it");
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		strbuf_add_str(out, " is not valid before ");
		add_date(out, X509_get0_notBefore(culprit));
		strbuf_add_str(out, "; check this machine's clock");
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		add_names_mismatch(out, client, finding->leaf);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		strbuf_add_str(out, " is self-signed");
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		strbuf_add_str(out, " is issued by ");
		add_issuer(out, culprit);
		strbuf_add_str(out, ", which is not trusted here; set tls_ca_file to that issuer's certificate");
		break;
	default:
		strbuf_addf(out, " was refused: %s", X509_verify_cert_error_string(finding->error));
	}
}

char *tls_explain_certificate(const struct tls_client *client, const struct tls_finding *finding, const char *peer)
{
	struct strbuf text = { 0 };

	if (finding->leaf == NULL)
		return str_format("%s showed no certificate", peer);
	if (finding->culprit != NULL && finding->error != X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN)
		strbuf_add_str(&text, "issuer's certificate in the chain of ");
	strbuf_addf(&text, "certificate of %s", peer);
	if (finding->not_pinned) {
		strbuf_add_str(&text, " is none of those in tls_fingerprint; if it was renewed, set ");
	} else {
		add_finding(&text, client, finding);
		strbuf_add_str(&text, "; to trust this very certificate nevertheless, set ");
	}
	add_pin(&text, finding->leaf);
	return strbuf_take(&text);
}

static char *explain_reason(const struct tls_client *client, const char *peer, unsigned long error)
{
	int reason = ERR_GET_REASON(error);
	const char *words = ERR_reason_error_string(error);

	switch (reason) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
	case SSL_R_WRONG_SSL_VERSION:
		return str_format(
			"%s offers no TLS version from %s on; its operator should enable it (tls_min_version allows "
			"older ones)",
			peer, client->min_version);
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_HTTP_REQUEST:
		return str_format("what %s answers is not TLS; check the port and whether tls should be \"starttls\"",
		                  peer);
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return str_format("%s closed the connection during the TLS handshake", peer);
	default:
		return str_format("TLS handshake with %s failed: %s", peer, words != NULL ? words : "unknown reason");
	}
}

/* A peer that hangs up shows as a system error, or as no error at all. */
char *tls_explain_handshake(const struct tls_client *client, const char *peer, unsigned long error, int saved_errno)
{
	if (error != 0)
		return explain_reason(client, peer, error);
	if (saved_errno == 0)
		return str_format("%s closed the connection during the TLS handshake", peer);
	return str_format("%s cut the connection during the TLS handshake: %s", peer, strerror(saved_errno));
}
