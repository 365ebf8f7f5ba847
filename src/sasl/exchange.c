/* SPDX-License-Identifier: ISC
 *
 * One exchange: libgsasl's client behind base64 and the checks that it leaves
 * to us, and the OAuth strings.
 */
#include "multidropd/sasl.h"

#include <gsasl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"
#include "oauth.h"

#define SERVER_TEXT_MAX 256 /* of what the server says about its refusal */

enum stage { STAGE_BEGIN, STAGE_UNDER_WAY, STAGE_COMPLETE, STAGE_FAILED };

struct sasl {
	enum sasl_mechanism mechanism;
	enum stage stage;
	unsigned steps;
	Gsasl *library;
	Gsasl_session *session;
	struct strbuf message; /* OAuth's only one */
	struct strbuf error;
};

static bool is_scram(enum sasl_mechanism mechanism)
{
	return mechanism == SASL_SCRAM_SHA_256_PLUS || mechanism == SASL_SCRAM_SHA_256 || mechanism == SASL_SCRAM_SHA_1;
}

static bool is_oauth(enum sasl_mechanism mechanism)
{
	return mechanism == SASL_OAUTHBEARER || mechanism == SASL_XOAUTH2;
}

static bool is_ntlm(enum sasl_mechanism mechanism)
{
	return mechanism == SASL_NTLM || mechanism == SASL_MSN;
}

static enum sasl_status failed(struct sasl *sasl, const char *format, ...) __attribute__((format(printf, 2, 3)));

static enum sasl_status failed(struct sasl *sasl, const char *format, ...)
{
	va_list args;

	strbuf_clear(&sasl->error);
	va_start(args, format);
	strbuf_vaddf(&sasl->error, format, args);
	va_end(args);
	sasl->stage = STAGE_FAILED;
	return SASL_FAILED;
}

/* ---- the beginning ---- */

/* Also where base64 would hide them: NUL separates PLAIN's parts, and a secret of two lines is a broken file. */
static bool has_line_or_nul(struct span text)
{
	return span_find(text, '\r') >= 0 || span_find(text, '\n') >= 0 || span_find(text, '\0') >= 0;
}

static const char *params_problem(const struct sasl_params *params)
{
	if (sasl_wire_name(params->mechanism) == NULL)
		return "not a SASL mechanism";
	if (has_line_or_nul(span_of(params->user)) || has_line_or_nul(params->secret))
		return "the user name or the secret holds a line end or a NUL";
	if (is_oauth(params->mechanism) && !oauth_token_valid(params->secret))
		return "the token is empty or holds something else than printable ASCII";
	if (params->mechanism == SASL_SCRAM_SHA_256_PLUS && params->binding_len == 0)
		return "there is no channel binding data";
	return NULL;
}

static int set_binding(struct sasl *sasl, const struct sasl_params *params)
{
	bool unique = strcmp(params->binding_type, "tls-unique") == 0;
	char *text;
	size_t len;
	int status = gsasl_base64_to((const char *)params->binding, params->binding_len, &text, &len);

	if (status != GSASL_OK)
		return status;
	status = gsasl_property_set_raw(sasl->session, unique ? GSASL_CB_TLS_UNIQUE : GSASL_CB_TLS_EXPORTER, text, len);
	gsasl_free(text);
	return status;
}

static int begin_library(struct sasl *sasl, const struct sasl_params *params)
{
	const char *name = is_ntlm(params->mechanism) ? "NTLM" : sasl_wire_name(params->mechanism);
	struct span secret = params->secret.len > 0 ? params->secret : SPAN("");
	int status = gsasl_init(&sasl->library);

	if (status == GSASL_OK)
		status = gsasl_client_start(sasl->library, name, &sasl->session);
	if (status != GSASL_OK)
		return status;
	if (params->mechanism == SASL_EXTERNAL)
		return gsasl_property_set(sasl->session, GSASL_AUTHZID, params->user);
	status = gsasl_property_set(sasl->session, GSASL_AUTHID, params->user);
	if (status == GSASL_OK)
		status = gsasl_property_set_raw(sasl->session, GSASL_PASSWORD, secret.data, secret.len);
	/* Plain SCRAM must not see the binding: libgsasl then says "the server has no -PLUS", which one that has
	 * refuses. */
	if (status == GSASL_OK && params->mechanism == SASL_SCRAM_SHA_256_PLUS)
		status = set_binding(sasl, params);
	return status;
}

struct sasl *sasl_new(const struct sasl_params *params)
{
	struct sasl *sasl = mem_alloc(sizeof(*sasl));
	const char *problem = params_problem(params);
	int status;

	sasl->mechanism = params->mechanism;
	if (problem != NULL) {
		failed(sasl, "%s", problem);
	} else if (is_oauth(params->mechanism)) {
		oauth_message(params, &sasl->message);
	} else {
		status = begin_library(sasl, params);
		if (status != GSASL_OK)
			failed(sasl, "%s cannot begin: %s", sasl_wire_name(params->mechanism), gsasl_strerror(status));
	}
	return sasl;
}

/* gsasl_finish frees the copies without overwriting them. */
static void wipe_properties(Gsasl_session *session)
{
	static const Gsasl_property secrets[] = { GSASL_PASSWORD, GSASL_SCRAM_SALTED_PASSWORD, GSASL_SCRAM_SERVERKEY,
		                                  GSASL_SCRAM_STOREDKEY };

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		const char *held = gsasl_property_fast(session, secrets[i]);

		if (held != NULL)
			mem_wipe((void *)(uintptr_t)held, strlen(held));
	}
}

void sasl_free(struct sasl **sasl)
{
	struct sasl *old = *sasl;

	if (old == NULL)
		return;
	if (old->session != NULL) {
		wipe_properties(old->session);
		gsasl_finish(old->session);
	}
	if (old->library != NULL)
		gsasl_done(old->library);
	strbuf_wipe(&old->message);
	strbuf_free(&old->error);
	free(old);
	*sasl = NULL;
}

bool sasl_client_first(const struct sasl *sasl)
{
	return is_scram(sasl->mechanism) || is_oauth(sasl->mechanism) || sasl->mechanism == SASL_PLAIN ||
	       sasl->mechanism == SASL_EXTERNAL;
}

/* ---- the steps ---- */

static void encode(struct span bytes, struct strbuf *out)
{
	char *text = NULL;
	size_t len = 0;

	if (bytes.len == 0 || gsasl_base64_to(bytes.data, bytes.len, &text, &len) != GSASL_OK)
		return;
	strbuf_add(out, text, len);
	mem_wipe(text, len);
	gsasl_free(text);
}

/* RFC 5802 5.1: among r=, s=, i= and extensions; read before libgsasl computes for as long as it is told to. */
static enum sasl_status check_iterations(struct sasl *sasl, struct span server_first)
{
	while (server_first.len > 0) {
		ssize_t comma = span_find(server_first, ',');
		struct span field = comma < 0 ? server_first : span_make(server_first.data, (size_t)comma);
		uint64_t iterations;

		if (field.len >= 2 && field.data[0] == 'i' && field.data[1] == '=') {
			if (!span_number(span_from(field, 2), &iterations) || iterations == 0)
				return failed(sasl, "the server's challenge has no valid iteration count");
			if (iterations > SASL_ITERATIONS_MAX)
				return failed(sasl,
				              "the server wants %llu iterations, more than the %u that are allowed",
				              (unsigned long long)iterations, SASL_ITERATIONS_MAX);
		}
		server_first = span_from(server_first, field.len + 1);
	}
	return SASL_SEND;
}

static enum sasl_status check_scram(struct sasl *sasl, struct span challenge)
{
	struct span text = span_make(challenge.data, challenge.len < SERVER_TEXT_MAX ? challenge.len : SERVER_TEXT_MAX);

	if (sasl->steps == 1)
		return check_iterations(sasl, challenge);
	if (sasl->steps == 2 && text.len > 2 && text.data[0] == 'e' && text.data[1] == '=')
		return failed(sasl, "the server refused: %.*s", (int)text.len - 2, text.data + 2);
	return SASL_SEND;
}

/* libntlm copies what comes over its structure; what is shorter than the server's nonce would be read as it is. */
static enum sasl_status check_ntlm(struct sasl *sasl, struct span challenge)
{
	if (sasl->steps == 0)
		return SASL_SEND;
	if (challenge.len < 32 || memcmp(challenge.data, "NTLMSSP\0\2\0\0", 12) != 0)
		return failed(sasl, "the server's NTLM challenge is broken");
	return SASL_SEND;
}

static enum sasl_status check_challenge(struct sasl *sasl, struct span challenge)
{
	if (sasl->stage == STAGE_COMPLETE && !is_oauth(sasl->mechanism))
		return failed(sasl, "the server goes on after the last step of %s", sasl_wire_name(sasl->mechanism));
	if (sasl->steps == 0 && sasl_client_first(sasl) && challenge.len > 0)
		return failed(sasl, "the server speaks first in %s", sasl_wire_name(sasl->mechanism));
	/* libgsasl would answer an empty one with nothing, for ever. */
	if (sasl->mechanism == SASL_CRAM_MD5 && challenge.len == 0)
		return failed(sasl, "the server's challenge is empty");
	if (is_scram(sasl->mechanism))
		return check_scram(sasl, challenge);
	if (is_ntlm(sasl->mechanism))
		return check_ntlm(sasl, challenge);
	return SASL_SEND;
}

static enum sasl_status library_failed(struct sasl *sasl, int status)
{
	const char *name = sasl_wire_name(sasl->mechanism);

	if (status == GSASL_SASLPREP_ERROR)
		return failed(sasl, "the user name or password holds characters that %s does not allow", name);
	if (is_scram(sasl->mechanism) && sasl->steps == 2)
		return failed(sasl, "the server did not prove that it knows the password (%s)", name);
	return failed(sasl, "the server's challenge is not valid for %s: %s", name, gsasl_strerror(status));
}

static enum sasl_status step_library(struct sasl *sasl, struct span challenge, struct strbuf *out)
{
	char *output = NULL;
	size_t len = 0;
	int status = gsasl_step(sasl->session, challenge.data, challenge.len, &output, &len);

	if (status != GSASL_OK && status != GSASL_NEEDS_MORE)
		return library_failed(sasl, status);
	encode(span_make(output, len), out);
	if (output != NULL)
		mem_wipe(output, len);
	gsasl_free(output);
	sasl->stage = status == GSASL_OK ? STAGE_COMPLETE : STAGE_UNDER_WAY;
	return status == GSASL_OK ? SASL_FINISHED : SASL_SEND;
}

/* A challenge after the token is the server's error in JSON; it gives its verdict once that is answered. */
static enum sasl_status step_oauth(struct sasl *sasl, struct span challenge, struct strbuf *out)
{
	size_t len = challenge.len < SERVER_TEXT_MAX ? challenge.len : SERVER_TEXT_MAX;

	if (sasl->steps > 1)
		return failed(sasl, "the server goes on after its error");
	if (sasl->steps == 0) {
		encode(strbuf_span(&sasl->message), out);
		strbuf_wipe(&sasl->message);
	} else {
		strbuf_addf(&sasl->error, "the server refused the token: %.*s", (int)len, challenge.data);
		encode(oauth_error_answer(sasl->mechanism), out);
	}
	sasl->stage = STAGE_COMPLETE;
	return SASL_FINISHED;
}

static enum sasl_status step_decoded(struct sasl *sasl, struct span challenge, struct strbuf *out)
{
	enum sasl_status status = check_challenge(sasl, challenge);

	if (status == SASL_FAILED)
		return status;
	status = is_oauth(sasl->mechanism) ? step_oauth(sasl, challenge, out) : step_library(sasl, challenge, out);
	sasl->steps++;
	return status;
}

enum sasl_status sasl_step(struct sasl *sasl, struct span challenge, struct strbuf *out)
{
	char *decoded = NULL;
	size_t len = 0;
	enum sasl_status status;

	/* Wiped, not only emptied: growing would leave the last answer behind. */
	strbuf_wipe(out);
	if (sasl->stage == STAGE_FAILED)
		return SASL_FAILED;
	if (challenge.len > SASL_CHALLENGE_MAX)
		return failed(sasl, "the server's challenge is longer than %u bytes", SASL_CHALLENGE_MAX);
	/* Servers put words here ("ntlm supported") instead of nothing. */
	if (is_ntlm(sasl->mechanism) && sasl->steps == 0)
		challenge = SPAN("");
	if (challenge.len == 0)
		return step_decoded(sasl, SPAN(""), out);
	if (gsasl_base64_from(challenge.data, challenge.len, &decoded, &len) != GSASL_OK)
		return failed(sasl, "the server's challenge is not base64");
	status = step_decoded(sasl, span_make(decoded, len), out);
	gsasl_free(decoded);
	return status;
}

int sasl_verify_end(const struct sasl *sasl)
{
	return is_scram(sasl->mechanism) && sasl->stage != STAGE_COMPLETE ? -1 : 0;
}

const char *sasl_error(const struct sasl *sasl)
{
	if (sasl->error.len == 0 && sasl_verify_end(sasl) < 0)
		return "the server did not prove that it knows the password";
	return strbuf_str(&sasl->error);
}
