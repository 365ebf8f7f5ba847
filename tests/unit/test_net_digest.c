/* SPDX-License-Identifier: ISC
 *
 * net/: digests against the vectors of FIPS 180-2, RFC 1321 and RFC 1939.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multidropd/digest.h"

static void sha256_in_pieces(void **state)
{
	static const char want[] = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
	struct span text = SPAN("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");

	(void)state;
	for (size_t cut = 0; cut <= text.len; cut++) {
		struct digest *digest = digest_new();
		uint8_t out[DIGEST_SHA256_LEN];
		char hex[2 * DIGEST_SHA256_LEN + 1];

		digest_add(digest, span_make(text.data, cut));
		digest_add(digest, span_from(text, cut));
		digest_finish(&digest, out);
		assert_null(digest);
		digest_hex(out, sizeof(out), hex);
		assert_string_equal(hex, want);
	}
}

static void md5_of_two_pieces(void **state)
{
	static const struct {
		struct span a, b;
		const char *want;
	} cases[] = {
		{ { "", 0 }, { "", 0 }, "d41d8cd98f00b204e9800998ecf8427e" },
		{ { "a", 1 }, { "bc", 2 }, "900150983cd24fb0d6963f7d28e17f72" },
		{ { "<1896.697170952@dbc.mtview.ca.us>", 33 }, { "tanstaaf", 8 }, "c4c9334bac560ecc979e58001b3e22fb" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t out[DIGEST_MD5_LEN];
		char hex[2 * DIGEST_MD5_LEN + 1];

		digest_md5(cases[i].a, cases[i].b, out);
		digest_hex(out, sizeof(out), hex);
		assert_string_equal(hex, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_in_pieces),
		cmocka_unit_test(md5_of_two_pieces),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("net/digest", tests, NULL, NULL);
}
