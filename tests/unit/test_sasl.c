/* SPDX-License-Identifier: ISC
 *
 * Exchanges: against libgsasl's servers, against the RFCs' examples, and
 * against servers that lie.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <cmocka.h>
#include <gsasl.h>

#include "multidropd/mem.h"
#include "multidropd/sasl.h"

/* ---- help ---- */

/* Takes libgsasl's place, so that the RFCs' examples come out. */
static const char *fixed_nonce;

int gsasl_nonce(char *data, size_t len)
{
	char *nonce;
	size_t nonce_len;

	if (fixed_nonce == NULL)
		return getrandom(data, len, 0) == (ssize_t)len ? GSASL_OK : GSASL_CRYPTO_ERROR;
	assert_int_equal(gsasl_base64_from(fixed_nonce, strlen(fixed_nonce), &nonce, &nonce_len), GSASL_OK);
	memset(data, 0, len);
	memcpy(data, nonce, len < nonce_len ? len : nonce_len);
	gsasl_free(nonce);
	return GSASL_OK;
}

/* Sees what is left of the secrets when libgsasl is about to free them. */
static unsigned secrets_left, sessions_finished;

void gsasl_finish(Gsasl_session *session)
{
	static const Gsasl_property secrets[] = { GSASL_PASSWORD, GSASL_SCRAM_SALTED_PASSWORD };
	void (*finish)(Gsasl_session * session) = (void (*)(Gsasl_session *))dlsym(RTLD_NEXT, "gsasl_finish");

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		const char *secret = gsasl_property_fast(session, secrets[i]);

		secrets_left += secret != NULL && secret[0] != '\0';
	}
	sessions_finished++;
	finish(session);
}

static char *to_base64(struct span bytes)
{
	char *text;
	char *copy;
	size_t len;

	if (bytes.len == 0)
		return mem_strdup("");
	assert_int_equal(gsasl_base64_to(bytes.data, bytes.len, &text, &len), GSASL_OK);
	copy = mem_strndup(text, len);
	gsasl_free(text);
	return copy;
}

static void from_base64(const struct strbuf *text, struct strbuf *out)
{
	char *bytes;
	size_t len;

	strbuf_clear(out);
	if (text->len == 0)
		return;
	assert_int_equal(gsasl_base64_from(text->data, text->len, &bytes, &len), GSASL_OK);
	strbuf_add(out, bytes, len);
	gsasl_free(bytes);
}

static struct sasl *client(enum sasl_mechanism mechanism, const char *user, const char *secret)
{
	static const uint8_t binding[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
	const struct sasl_params params = {
		.mechanism = mechanism,
		.service = "pop",
		.host = "pop.example",
		.user = user,
		.secret = span_of(secret),
		.binding = binding,
		.binding_len = sizeof(binding),
		.binding_type = "tls-exporter",
	};

	return sasl_new(&params);
}

/* One step with a challenge in plain bytes; `want` is the answer in plain bytes. */
static void check_step(struct sasl *sasl, struct span challenge, enum sasl_status status, struct span want)
{
	struct strbuf out = { 0 };
	struct strbuf plain = { 0 };
	char *text = to_base64(challenge);

	assert_int_equal(sasl_step(sasl, span_of(text), &out), status);
	from_base64(&out, &plain);
	if (!span_equal(strbuf_span(&plain), want))
		fail_msg("sent «%s»", strbuf_str(&plain));
	free(text);
	strbuf_free(&plain);
	strbuf_free(&out);
}

static void check_failure(struct sasl *sasl, struct span challenge, const char *error)
{
	check_step(sasl, challenge, SASL_FAILED, SPAN(""));
	if (strstr(sasl_error(sasl), error) == NULL)
		fail_msg("wanted «%s», the error is «%s»", error, sasl_error(sasl));
	/* And it stays so. */
	check_step(sasl, SPAN(""), SASL_FAILED, SPAN(""));
}

/* ---- against libgsasl's servers ---- */

struct meeting {
	enum sasl_mechanism mechanism;
	const char *client_secret;
	const char *server_secret;
	const char *binding_type;   /* what the client uses */
	const char *server_binding; /* base64; NULL: none */
	/* Changes what the server said. `step` counts its messages from 0. */
	void (*tamper)(unsigned step, struct strbuf *message);
	const char *client_error; /* NULL: the client is content */
	bool server_refuses;
};

static int server_asked(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
	const struct meeting *meeting = gsasl_callback_hook_get(library);
	const char *user;

	switch (property) {
	case GSASL_PASSWORD:
		return gsasl_property_set(session, GSASL_PASSWORD, meeting->server_secret);
	case GSASL_CB_TLS_EXPORTER:
	case GSASL_CB_TLS_UNIQUE:
		if (meeting->server_binding == NULL ||
		    (property == GSASL_CB_TLS_UNIQUE) != (strcmp(meeting->binding_type, "tls-unique") == 0))
			return GSASL_NO_CALLBACK;
		return gsasl_property_set(session, property, meeting->server_binding);
	case GSASL_VALIDATE_EXTERNAL:
		user = gsasl_property_get(session, GSASL_AUTHZID);
		return user != NULL && strcmp(user, "example.com") == 0 ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
	default:
		return GSASL_NO_CALLBACK;
	}
}

static struct sasl *meeting_client(const struct meeting *meeting)
{
	static const uint8_t binding[] = { 'b', 'i', 'n', 'd' };
	const struct sasl_params params = {
		.mechanism = meeting->mechanism,
		.service = "pop",
		.host = "pop.example",
		.user = "example.com",
		.secret = span_of(meeting->client_secret),
		.binding = meeting->binding_type != NULL ? binding : NULL,
		.binding_len = meeting->binding_type != NULL ? sizeof(binding) : 0,
		.binding_type = meeting->binding_type,
	};

	return sasl_new(&params);
}

/* The server's turn: takes the client's line, gives its own; GSASL_OK: the login succeeded. */
static int server_step(const struct meeting *meeting, Gsasl_session *session, unsigned step, struct strbuf *line)
{
	struct strbuf plain = { 0 };
	char *output = NULL;
	char *text;
	size_t len = 0;
	int status;

	from_base64(line, &plain);
	status = gsasl_step(session, plain.data, plain.len, &output, &len);
	strbuf_clear(&plain);
	strbuf_clear(line);
	if (status == GSASL_OK || status == GSASL_NEEDS_MORE) {
		strbuf_add(&plain, output, len);
		if (meeting->tamper != NULL)
			meeting->tamper(step, &plain);
		text = to_base64(strbuf_span(&plain));
		strbuf_add_str(line, text);
		free(text);
		gsasl_free(output);
	}
	strbuf_free(&plain);
	return status;
}

/* Line for line as over a socket; true if the server granted the login. */
static bool converse(const struct meeting *meeting, struct sasl *sasl, Gsasl_session *session)
{
	struct strbuf challenge = { 0 };
	struct strbuf line = { 0 };
	int server = GSASL_NEEDS_MORE;
	unsigned step = 0;

	if (!sasl_client_first(sasl)) {
		server = server_step(meeting, session, step++, &line);
		strbuf_add_span(&challenge, strbuf_span(&line));
	}
	while (sasl_step(sasl, strbuf_span(&challenge), &line) != SASL_FAILED && server == GSASL_NEEDS_MORE) {
		server = server_step(meeting, session, step++, &line);
		/* As POP3 does: what the server has to say comes as a challenge, and then its verdict. */
		if (server != GSASL_NEEDS_MORE && line.len == 0)
			break;
		strbuf_clear(&challenge);
		strbuf_add_span(&challenge, strbuf_span(&line));
	}
	strbuf_free(&challenge);
	strbuf_wipe(&line);
	return server == GSASL_OK;
}

static void meet(const struct meeting *meeting)
{
	struct sasl *sasl = meeting_client(meeting);
	Gsasl *library;
	Gsasl_session *session;
	bool granted;
	bool content;

	assert_int_equal(gsasl_init(&library), GSASL_OK);
	gsasl_callback_set(library, server_asked);
	gsasl_callback_hook_set(library, (void *)(uintptr_t)meeting);
	assert_int_equal(gsasl_server_start(library, sasl_wire_name(meeting->mechanism), &session), GSASL_OK);
	granted = converse(meeting, sasl, session);
	content = sasl_verify_end(sasl) == 0 && strcmp(sasl_error(sasl), "") == 0;
	if (granted == meeting->server_refuses)
		fail_msg("%s: the server %s", sasl_wire_name(meeting->mechanism), granted ? "granted it" : "refused");
	if (!meeting->server_refuses && content != (meeting->client_error == NULL))
		fail_msg("%s: the client says «%s»", sasl_wire_name(meeting->mechanism), sasl_error(sasl));
	if (meeting->client_error != NULL && strstr(sasl_error(sasl), meeting->client_error) == NULL)
		fail_msg("%s: the client says «%s»", sasl_wire_name(meeting->mechanism), sasl_error(sasl));
	sasl_free(&sasl);
	gsasl_finish(session);
	gsasl_done(library);
}

static void forge_signature(unsigned step, struct strbuf *message)
{
	if (step == 1)
		message->data[2] = message->data[2] == 'A' ? 'B' : 'A';
}

static void forget_signature(unsigned step, struct strbuf *message)
{
	if (step == 1)
		strbuf_clear(message);
}

static void forge_nonce(unsigned step, struct strbuf *message)
{
	if (step == 0)
		message->data[2] = message->data[2] == 'A' ? 'B' : 'A';
}

#define BIND "YmluZA=="
#define PROOF "did not prove"

static void meets_servers(void **state)
{
	static const struct meeting meetings[] = {
		{ SASL_PLAIN, "s3cret", "s3cret", NULL, NULL, NULL, NULL, false },
		{ SASL_PLAIN, "other", "s3cret", NULL, NULL, NULL, NULL, true },
		{ SASL_LOGIN, "s3cret", "s3cret", NULL, NULL, NULL, NULL, false },
		{ SASL_LOGIN, "other", "s3cret", NULL, NULL, NULL, NULL, true },
		{ SASL_CRAM_MD5, "s3cret", "s3cret", NULL, NULL, NULL, NULL, false },
		{ SASL_CRAM_MD5, "other", "s3cret", NULL, NULL, NULL, NULL, true },
		{ SASL_EXTERNAL, "", "", NULL, NULL, NULL, NULL, false },
		{ SASL_SCRAM_SHA_1, "s3cret", "s3cret", NULL, NULL, NULL, NULL, false },
		{ SASL_SCRAM_SHA_1, "other", "s3cret", NULL, NULL, NULL, NULL, true },
		{ SASL_SCRAM_SHA_256, "gr\xc3\xbc\xc3\x9f,=e", "gr\xc3\xbc\xc3\x9f,=e", NULL, NULL, NULL, NULL, false },
		{ SASL_SCRAM_SHA_256, "other", "s3cret", NULL, NULL, NULL, NULL, true },
		{ SASL_SCRAM_SHA_256, "s3cret", "s3cret", NULL, NULL, forge_signature, PROOF, false },
		{ SASL_SCRAM_SHA_256, "s3cret", "s3cret", NULL, NULL, forget_signature, PROOF, false },
		{ SASL_SCRAM_SHA_256, "s3cret", "s3cret", NULL, NULL, forge_nonce, "not valid", true },
		/* Plain SCRAM though a binding is at hand, to a server that could -PLUS. */
		{ SASL_SCRAM_SHA_256, "s3cret", "s3cret", "tls-exporter", BIND, NULL, NULL, false },
		{ SASL_SCRAM_SHA_256_PLUS, "s3cret", "s3cret", "tls-exporter", BIND, NULL, NULL, false },
		{ SASL_SCRAM_SHA_256_PLUS, "s3cret", "s3cret", "tls-unique", BIND, NULL, NULL, false },
		{ SASL_SCRAM_SHA_256_PLUS, "other", "s3cret", "tls-exporter", BIND, NULL, NULL, true },
		/* A man in the middle has another channel. */
		{ SASL_SCRAM_SHA_256_PLUS, "s3cret", "s3cret", "tls-exporter", "b3RoZXI=", NULL, NULL, true },
		{ SASL_SCRAM_SHA_256_PLUS, "s3cret", "s3cret", "tls-exporter", BIND, forge_signature, PROOF, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(meetings) / sizeof(meetings[0]); i++)
		meet(&meetings[i]);
}

/* ---- the RFCs' examples ---- */

static void example_plain(void **state)
{
	struct sasl *sasl = client(SASL_PLAIN, "tim", "tanstaaftanstaaf");

	(void)state;
	assert_true(sasl_client_first(sasl));
	check_step(sasl, SPAN(""), SASL_FINISHED, SPAN("\0tim\0tanstaaftanstaaf"));
	check_failure(sasl, SPAN("more"), "goes on");
	sasl_free(&sasl);
}

static void example_login(void **state)
{
	struct sasl *sasl = client(SASL_LOGIN, "tim", "tanstaaftanstaaf");

	(void)state;
	assert_false(sasl_client_first(sasl));
	check_step(sasl, SPAN("Username:"), SASL_SEND, SPAN("tim"));
	check_step(sasl, SPAN("Password:"), SASL_FINISHED, SPAN("tanstaaftanstaaf"));
	sasl_free(&sasl);
}

/* RFC 2195 2. */
static void example_cram_md5(void **state)
{
	struct sasl *sasl = client(SASL_CRAM_MD5, "tim", "tanstaaftanstaaf");

	(void)state;
	check_step(sasl, SPAN("<1896.697170952@postoffice.reston.mci.net>"), SASL_FINISHED,
	           SPAN("tim b913a602c7eda7a495b4e6e7334d3890"));
	sasl_free(&sasl);
	sasl = client(SASL_CRAM_MD5, "tim", "tanstaaftanstaaf");
	check_failure(sasl, SPAN(""), "empty");
	sasl_free(&sasl);
}

/* RFC 5802 5. */
static void example_scram_sha_1(void **state)
{
	struct sasl *sasl;

	(void)state;
	fixed_nonce = "fyko+d2lbbFgONRv9qkxdawL";
	sasl = client(SASL_SCRAM_SHA_1, "user", "pencil");
	check_step(sasl, SPAN(""), SASL_SEND, SPAN("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"));
	check_step(sasl, SPAN("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"), SASL_SEND,
	           SPAN("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="));
	assert_int_equal(sasl_verify_end(sasl), -1);
	assert_string_equal(sasl_error(sasl), "the server did not prove that it knows the password");
	check_step(sasl, SPAN("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), SASL_FINISHED, SPAN(""));
	assert_int_equal(sasl_verify_end(sasl), 0);
	assert_string_equal(sasl_error(sasl), "");
	sasl_free(&sasl);
	fixed_nonce = NULL;
}

/*
 * RFC 7677 3 with its salt and password; the nonce there is shorter than
 * libgsasl's, so proof and signature were computed anew (Python's hashlib).
 */
static void example_scram_sha_256(void **state)
{
	struct sasl *sasl;

	(void)state;
	fixed_nonce = "rOprNGfwEbeRWgbNEkqOAAAA";
	sasl = client(SASL_SCRAM_SHA_256, "user", "pencil");
	check_step(sasl, SPAN(""), SASL_SEND, SPAN("n,,n=user,r=rOprNGfwEbeRWgbNEkqOAAAA"));
	check_step(sasl,
	           SPAN("r=rOprNGfwEbeRWgbNEkqOAAAA%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
	           SASL_SEND,
	           SPAN("c=biws,r=rOprNGfwEbeRWgbNEkqOAAAA%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	                "p=Xfne3MtVK++JaGoF7TO43YhBOQ5y0vVxLsYZHKXqUus="));
	check_step(sasl, SPAN("v=Cwe39nJVzmRPHkssPGBJqIOZfCgk3UUklA5txzlL+TQ="), SASL_FINISHED, SPAN(""));
	assert_int_equal(sasl_verify_end(sasl), 0);
	sasl_free(&sasl);
	fixed_nonce = NULL;
}

/* RFC 7628 4.1 and 4.3. */
static void example_oauthbearer(void **state)
{
	struct sasl *sasl =
		client(SASL_OAUTHBEARER, "us,er=@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");

	(void)state;
	assert_true(sasl_client_first(sasl));
	check_step(sasl, SPAN(""), SASL_FINISHED,
	           SPAN("n,a=us=2Cer=3D@example.com,\001host=pop.example\001"
	                "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\001\001"));
	assert_string_equal(sasl_error(sasl), "");
	check_step(sasl, SPAN("{\"status\":\"invalid_token\"}"), SASL_FINISHED, SPAN("\001"));
	assert_string_equal(sasl_error(sasl), "the server refused the token: {\"status\":\"invalid_token\"}");
	check_failure(sasl, SPAN("{}"), "goes on");
	sasl_free(&sasl);
}

static void example_xoauth2(void **state)
{
	struct sasl *sasl =
		client(SASL_XOAUTH2, "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");

	(void)state;
	check_step(
		sasl, SPAN(""), SASL_FINISHED,
		SPAN("user=someuser@example.com\001auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\001\001"));
	check_step(sasl, SPAN("{\"status\":\"401\"}"), SASL_FINISHED, SPAN(""));
	assert_string_equal(sasl_error(sasl), "the server refused the token: {\"status\":\"401\"}");
	sasl_free(&sasl);
}

static void example_external(void **state)
{
	struct sasl *sasl = client(SASL_EXTERNAL, "", "");

	(void)state;
	check_step(sasl, SPAN(""), SASL_FINISHED, SPAN(""));
	sasl_free(&sasl);
}

/* ---- NTLM: libgsasl has no server, so the messages are held against MS-NLMP's layout ---- */

static const char ntlm_challenge[] = "NTLMSSP\0\2\0\0\0\0\0\0\0\x30\0\0\0\5\2\0\0\x01\x23\x45\x67\x89\xab\xcd\xef"
				     "\0\0\0\0\0\0\0\0\0\0\0\0\x30\0\0\0";

static void ntlm_speaks(enum sasl_mechanism mechanism)
{
	struct sasl *sasl = client(mechanism, "user", "SecREt01");
	struct strbuf out = { 0 };
	struct strbuf plain = { 0 };
	char *challenge = to_base64(SPAN(ntlm_challenge));

	assert_false(sasl_client_first(sasl));
	/* Exchange says this where nothing belongs. */
	assert_int_equal(sasl_step(sasl, SPAN("ntlm supported"), &out), SASL_SEND);
	from_base64(&out, &plain);
	assert_true(plain.len >= 32);
	assert_memory_equal(plain.data, "NTLMSSP\0\1\0\0\0", 12);
	assert_int_equal(sasl_step(sasl, span_of(challenge), &out), SASL_FINISHED);
	from_base64(&out, &plain);
	assert_true(plain.len >= 64);
	assert_memory_equal(plain.data, "NTLMSSP\0\3\0\0\0", 12);
	assert_null(memmem(plain.data, plain.len, "SecREt01", 8));
	assert_non_null(memmem(plain.data, plain.len, "u\0s\0e\0r\0", 8));
	free(challenge);
	strbuf_free(&plain);
	strbuf_free(&out);
	sasl_free(&sasl);
}

static void ntlm(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} broken[] = {
		{ "", 0 },
		{ "NTLMSSP", 7 },
		{ ntlm_challenge, 31 },
		{ "NTLMSSP\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32 },
	};

	(void)state;
	ntlm_speaks(SASL_NTLM);
	ntlm_speaks(SASL_MSN);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct sasl *sasl = client(SASL_NTLM, "user", "SecREt01");
		struct strbuf out = { 0 };

		assert_int_equal(sasl_step(sasl, SPAN(""), &out), SASL_SEND);
		check_failure(sasl, span_make(broken[i].bytes, broken[i].len), "NTLM challenge is broken");
		strbuf_free(&out);
		sasl_free(&sasl);
	}
}

/* ---- servers that lie ---- */

static void scram_first_messages(void **state)
{
#define NONCE "r=fyko+d2lbbFgONRv9qkxdawLx"
	static const struct {
		const char *message;
		const char *error;
	} cases[] = {
		{ NONCE ",s=QSXCR+Q6sek8bf92,i=100001", "more than the 100000" },
		{ NONCE ",s=QSXCR+Q6sek8bf92,i=2147483647", "2147483647 iterations" },
		{ NONCE ",s=QSXCR+Q6sek8bf92,i=18446744073709551617", "no valid iteration count" },
		{ NONCE ",s=QSXCR+Q6sek8bf92,i=4096x", "no valid iteration count" },
		{ NONCE ",s=QSXCR+Q6sek8bf92,i=-1", "no valid iteration count" },
		{ NONCE ",s=QSXCR+Q6sek8bf92,i=0", "no valid iteration count" },
		{ NONCE ",s=QSXCR+Q6sek8bf92,i=", "no valid iteration count" },
		{ NONCE ",s=QSXCR+Q6sek8bf92,i=1,i=999999999", "more than the 100000" },
		{ NONCE ",s=QSXCR+Q6sek8bf92", "not valid" },
		{ NONCE ",s=,i=4096", "not valid" },
		{ "m=x," NONCE ",s=QSXCR+Q6sek8bf92,i=4096", "not valid" },
		{ "r=other,s=QSXCR+Q6sek8bf92,i=4096", "not valid" },
		{ "r=,s=QSXCR+Q6sek8bf92,i=4096", "not valid" },
		{ "garbage", "not valid" },
		{ ",,,,,,,", "not valid" },
		{ "", "not valid" },
	};

	(void)state;
	fixed_nonce = "fyko+d2lbbFgONRv9qkxdawL";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sasl *sasl = client(SASL_SCRAM_SHA_1, "user", "pencil");

		check_step(sasl, SPAN(""), SASL_SEND, SPAN("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"));
		check_failure(sasl, span_of(cases[i].message), cases[i].error);
		assert_int_equal(sasl_verify_end(sasl), -1);
		sasl_free(&sasl);
	}
	fixed_nonce = NULL;
}

static void scram_last_messages(void **state)
{
	static const struct {
		const char *message;
		const char *error;
	} cases[] = {
		{ "v=rmF9pqV8S7suAoZWja4dJRkFsKR=", "did not prove" },
		{ "v=", "did not prove" },
		{ "", "did not prove" },
		{ "e=invalid-proof", "the server refused: invalid-proof" },
	};

	(void)state;
	fixed_nonce = "fyko+d2lbbFgONRv9qkxdawL";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sasl *sasl = client(SASL_SCRAM_SHA_1, "user", "pencil");
		struct strbuf out = { 0 };
		char *first = to_base64(SPAN("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"));

		assert_int_equal(sasl_step(sasl, SPAN(""), &out), SASL_SEND);
		assert_int_equal(sasl_step(sasl, span_of(first), &out), SASL_SEND);
		check_failure(sasl, span_of(cases[i].message), cases[i].error);
		assert_int_equal(sasl_verify_end(sasl), -1);
		free(first);
		strbuf_free(&out);
		sasl_free(&sasl);
	}
	fixed_nonce = NULL;
}

static void broken_challenges(void **state)
{
	static const char *const challenges[] = { "!", "QQ", "QQ=", "Q Q==", "QQ==\r", "====", "QQ==QQ==", "\xff\xfe" };
	struct strbuf out = { 0 };
	struct sasl *sasl;
	char *long_text;

	(void)state;
	for (size_t i = 0; i < sizeof(challenges) / sizeof(challenges[0]); i++) {
		sasl = client(SASL_CRAM_MD5, "user", "pencil");
		assert_int_equal(sasl_step(sasl, span_of(challenges[i]), &out), SASL_FAILED);
		assert_non_null(strstr(sasl_error(sasl), "base64"));
		sasl_free(&sasl);
	}
	long_text = mem_alloc(SASL_CHALLENGE_MAX + 5);
	memset(long_text, 'Q', SASL_CHALLENGE_MAX + 4);
	sasl = client(SASL_CRAM_MD5, "user", "pencil");
	assert_int_equal(sasl_step(sasl, span_make(long_text, SASL_CHALLENGE_MAX + 4), &out), SASL_FAILED);
	assert_non_null(strstr(sasl_error(sasl), "longer than"));
	sasl_free(&sasl);
	sasl = client(SASL_CRAM_MD5, "user", "pencil");
	assert_int_equal(sasl_step(sasl, span_make(long_text, SASL_CHALLENGE_MAX), &out), SASL_FINISHED);
	sasl_free(&sasl);
	free(long_text);
	sasl = client(SASL_PLAIN, "user", "pencil");
	check_failure(sasl, SPAN("password please"), "speaks first");
	sasl_free(&sasl);
	strbuf_free(&out);
}

static void broken_parameters(void **state)
{
	static const struct {
		enum sasl_mechanism mechanism;
		const char *user;
		struct span secret;
		const char *error;
	} cases[] = {
		{ SASL_PLAIN, "a\nb", { "x", 1 }, "line end" },
		{ SASL_PLAIN, "a", { "x\ry", 3 }, "line end" },
		{ SASL_PLAIN, "a", { "x\0y", 3 }, "NUL" },
		{ SASL_XOAUTH2, "a", { "x\001y", 3 }, "token" },
		{ SASL_XOAUTH2, "a", { "x y", 3 }, "token" },
		{ SASL_OAUTHBEARER, "a", { "", 0 }, "token" },
		{ SASL_OAUTHBEARER, "a", { "\xc3\xa4", 2 }, "token" },
		{ SASL_SCRAM_SHA_256_PLUS, "a", { "x", 1 }, "channel binding" },
		{ SASL_APOP, "a", { "x", 1 }, "not a SASL mechanism" },
		{ SASL_USER, "a", { "x", 1 }, "not a SASL mechanism" },
		{ SASL_SCRAM_SHA_256, "a\x07", { "x", 1 }, "does not allow" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct sasl_params params = { .mechanism = cases[i].mechanism,
			                            .service = "smtp",
			                            .host = "relay.example",
			                            .user = cases[i].user,
			                            .secret = cases[i].secret };
		struct sasl *sasl = sasl_new(&params);

		check_failure(sasl, SPAN(""), cases[i].error);
		sasl_free(&sasl);
		assert_null(sasl);
	}
	sasl_free(&(struct sasl *){ NULL });
}

static void wipes_secrets(void **state)
{
	struct sasl *sasl;
	struct strbuf out = { 0 };
	char *first = to_base64(SPAN("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"));

	(void)state;
	fixed_nonce = "fyko+d2lbbFgONRv9qkxdawL";
	sasl = client(SASL_SCRAM_SHA_1, "user", "pencil");
	assert_int_equal(sasl_step(sasl, SPAN(""), &out), SASL_SEND);
	assert_int_equal(sasl_step(sasl, span_of(first), &out), SASL_SEND);
	secrets_left = 0;
	sessions_finished = 0;
	sasl_free(&sasl);
	assert_int_equal(sessions_finished, 1);
	assert_int_equal(secrets_left, 0);
	fixed_nonce = NULL;
	free(first);
	strbuf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meets_servers),        cmocka_unit_test(example_plain),
		cmocka_unit_test(example_login),        cmocka_unit_test(example_cram_md5),
		cmocka_unit_test(example_scram_sha_1),  cmocka_unit_test(example_scram_sha_256),
		cmocka_unit_test(example_oauthbearer),  cmocka_unit_test(example_xoauth2),
		cmocka_unit_test(example_external),     cmocka_unit_test(ntlm),
		cmocka_unit_test(scram_first_messages), cmocka_unit_test(scram_last_messages),
		cmocka_unit_test(broken_challenges),    cmocka_unit_test(broken_parameters),
		cmocka_unit_test(wipes_secrets),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sasl", tests, NULL, NULL);
}
