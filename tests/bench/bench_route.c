/* SPDX-License-Identifier: ISC
 *
 * Headers routed a second, on one core: header_parse and route_message for
 * headers as they come, each read once, by the sources that there are. The hash
 * of the header is not in it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "multidropd/clock.h"
#include "multidropd/header.h"
#include "multidropd/route.h"

#define RUNS 5
#define RUN_MS 300
#define BATCH 1000
#define HOPS 5
#define RECIPIENT "alice@office.example"

/* Four headers in turn, so that the processor does not learn one by heart. */
#define HEADERS 4

static void add_hop(struct strbuf *out, unsigned number)
{
	strbuf_addf(out,
	            "Received: from relay%u.sender.example (relay%u.sender.example [192.0.2.%u])\r\n"
	            "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n"
	            "\tby hop%u.isp.example (Postfix) with ESMTPS id 4ZkQ%u3bCz9sT;\r\n"
	            "\tTue, 24 Nov 2026 13:00:%02u +0100 (CET)\r\n",
	            number, number, number, number + 1, number, number);
}

static void add_content(struct strbuf *out, unsigned number)
{
	strbuf_addf(out,
	            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=sender.example; s=mail;\r\n"
	            "\tt=1795525200; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n"
	            "\th=From:To:Subject:Date:Message-ID; b=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSb\r\n"
	            "\tav+yuU4zGeeruD00lszZVoG4ZHRNiYzRAQ29hPy0Jq8vTqLbJd3c4s=\r\n"
	            "From: =?utf-8?q?J=C3=BCrgen?= <juergen@sender.example>\r\n"
	            "To: \"Office, all\" <team@office.example>, Bob <bob@office.example>\r\n"
	            "Subject: =?utf-8?q?Angebot_f=C3=BCr_November?= number %u\r\n"
	            "Date: Tue, 24 Nov 2026 13:00:00 +0100\r\n"
	            "Message-ID: <20261124130000.%u@sender.example>\r\n"
	            "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"=_%u\"\r\n"
	            "X-Mailer: Mailer 1.2.3\r\nX-Spam-Status: No, score=-2.1 required=5.0\r\n\r\n",
	            number, number, number);
}

static struct strbuf make_header(unsigned number)
{
	struct strbuf out = { 0 };

	strbuf_addf(&out,
	            "Return-Path: <juergen@sender.example>\r\nX-Envelope-To: <" RECIPIENT ">\r\n"
	            "Received: from mx%u.isp.example (mx%u.isp.example [198.51.100.7])\r\n"
	            "\tby pop.isp.example (Postfix) with ESMTP id 4ZkQ0%u\r\n\tfor <" RECIPIENT
	            ">; Tue, 24 Nov 2026 13:00:09 +0100 (CET)\r\n",
	            number, number, number);
	for (unsigned i = 0; i < HOPS; i++)
		add_hop(&out, number + HOPS - i);
	add_content(&out, number);
	return out;
}

static void route_batch(const struct route_rules *rules, const struct strbuf headers[HEADERS])
{
	for (unsigned i = 0; i < BATCH; i++) {
		struct header header;
		struct route route;

		header_parse(&header, strbuf_span(&headers[i % HEADERS]), false);
		route_message(rules, &header, (struct span){ 0 }, &route);
		if (route.reason != ROUTE_ENVELOPE || !strlist_has(&route.recipients, RECIPIENT)) {
			fprintf(stderr, "bench_route: a wrong route: %s\n", route.explanation);
			exit(1);
		}
		route_free(&route);
		header_free(&header);
	}
}

/* The best of some runs: all else that the machine does only slows it down. */
static int64_t measure(const struct route_rules *rules, const struct strbuf headers[HEADERS])
{
	int64_t best = 0;

	for (int run = 0; run < RUNS; run++) {
		int64_t start = clock_mono_ms(), now;
		int64_t count = 0, rate;

		do {
			route_batch(rules, headers);
			count += BATCH;
			now = clock_mono_ms();
		} while (now - start < RUN_MS);
		rate = count * 1000 / (now - start);
		best = rate > best ? rate : best;
	}
	return best;
}

int main(void)
{
	static const char *const sources[] = { "X-Envelope-To", ROUTE_RECEIVED };
	struct strlist domains = { 0 }, received_by = { 0 };
	struct strbuf headers[HEADERS];

	strlist_add(&domains, "office.example");
	strlist_add(&received_by, "pop.isp.example");
	for (unsigned i = 0; i < HEADERS; i++)
		headers[i] = make_header(i);
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		struct strlist envelope = { 0 };
		struct route_rules rules = {
			.postmaster = "postmaster",
			.hostname = "multidrop.office.example",
			.envelope = &envelope,
			.received_by = &received_by,
			.received_depth = 3,
			.domains = &domains,
			.remove_header = true,
		};

		strlist_add(&envelope, sources[i]);
		printf("%s: %" PRId64 " headers of %zu bytes and %d Received fields a second\n", sources[i],
		       measure(&rules, headers), headers[0].len, HOPS + 1);
		strlist_free(&envelope);
	}
	for (unsigned i = 0; i < HEADERS; i++)
		strbuf_free(&headers[i]);
	strlist_free(&domains);
	strlist_free(&received_by);
	return 0;
}
