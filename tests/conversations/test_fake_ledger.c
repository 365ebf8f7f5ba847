/* SPDX-License-Identifier: ISC
 *
 * The ledger in memory does what the real one does with what is owed and with
 * duplicates: the scripts of collectors rest on that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>


#include "fake_ledger.h"
#include "fake_net.h"

#define ALICE "alice@office.example"
#define BOB "bob@office.example"
#define ID SPAN("<1@sender.example>")
#define START INT64_C(1800000000)
#define WINDOW INT64_C(86400)

static struct {
	struct loop *loop;
	struct ledger *ledger;
	enum ledger_state state;
	struct ledger_listing *listing;
	struct strbuf found; /* y or n a recipient */
} world;

static int setup(void **state)
{
	(void)state;
	fake_net_reset(0);
	world.loop = loop_new();
	world.ledger = fake_ledger_new(world.loop);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ledger_listing_free(&world.listing);
	strbuf_free(&world.found);
	fake_ledger_free(&world.ledger);
	loop_free(&world.loop);
	return 0;
}

static void on_ended(void *ctx, int64_t id, enum ledger_state state)
{
	(void)ctx;
	(void)id;
	world.state = state;
}

static void on_compared(void *ctx, struct ledger_listing *listing)
{
	(void)ctx;
	ledger_listing_free(&world.listing);
	world.listing = listing;
}

static void on_found(void *ctx, const bool *duplicate, size_t count)
{
	(void)ctx;
	strbuf_clear(&world.found);
	for (size_t i = 0; i < count; i++)
		strbuf_add_byte(&world.found, duplicate[i] ? 'y' : 'n');
}

static int64_t begin(int64_t id, const char *recipient, enum ledger_owes owes)
{
	static const uint8_t hash[LEDGER_HASH_LEN];
	struct ledger_begin begin = {
		.id = id,
		.mailbox = 1,
		.uid = SPAN("a"),
		.hash = hash,
		.recipients = &recipient,
		.owes = &owes,
		.recipient_count = 1,
		.message_id = ID,
		.remember_s = WINDOW,
		.now_s = START,
	};

	return ledger_begin(world.ledger, &begin);
}

static void verdict(int64_t id, const char *recipient, enum ledger_outcome outcome)
{
	struct ledger_verdict verdict = {
		.recipient = recipient, .outcome = outcome, .due_s = START + 600, .now_s = START
	};

	ledger_record_verdict(world.ledger, id, &verdict);
}

static void changed(int64_t id, const char *recipient, enum ledger_owes owes, const char *reply)
{
	struct ledger_verdict verdict = {
		.recipient = recipient, .outcome = LEDGER_CHANGED, .owes = owes, .reply = reply, .now_s = START
	};

	ledger_record_verdict(world.ledger, id, &verdict);
}

static enum ledger_state end(int64_t id)
{
	ledger_end(world.ledger, id, START, on_ended, NULL);
	assert_true(fake_net_settle(world.loop));
	return world.state;
}

static const struct ledger_record *compare(void)
{
	struct ledger_mailbox mailbox = { "office", "pop.example:995", "user" };
	struct ledger_listing *listing = ledger_listing_new();

	ledger_listing_add(listing, 1, SPAN("a"), 100);
	ledger_compare(world.ledger, &mailbox, listing, on_compared, NULL);
	assert_true(fake_net_settle(world.loop));
	return world.listing->entries[0].records;
}

static void ask(int64_t mailbox, struct span message_id, int64_t now_s)
{
	const char *const to[] = { BOB, "ALICE@office.example" };
	struct ledger_duplicates wanted = { .mailbox = mailbox,
		                            .message_id = message_id,
		                            .recipients = to,
		                            .recipient_count = 2,
		                            .now_s = now_s,
		                            .found = on_found,
		                            .ctx = &world };

	ledger_find_duplicates(world.ledger, &wanted);
}

static void check_found(int64_t mailbox, struct span message_id, int64_t now_s, const char *want)
{
	ask(mailbox, message_id, now_s);
	assert_true(fake_net_settle(world.loop));
	assert_string_equal(strbuf_str(&world.found), want);
}

static void changed_is_owed_anew(void **state)
{
	int64_t id = begin(0, ALICE, LEDGER_OWES_MESSAGE);
	const struct ledger_owed *owed;

	(void)state;
	verdict(id, ALICE, LEDGER_DEFERRED);
	changed(id, ALICE, LEDGER_OWES_BOUNCE, "550 no");
	changed(id, ALICE, LEDGER_OWES_COPY, NULL);
	assert_int_equal(end(id), LEDGER_STATE_OWED);
	owed = compare()->owed;
	assert_int_equal(owed->owes, LEDGER_OWES_COPY);
	assert_string_equal(owed->refusal, "550 no");
	assert_int_equal(owed->due_s, 0);
	assert_int_equal(owed->first_deferred_s, 0);
	assert_int_equal(owed->attempts, 0);
}

static void known_recipients_are_owed_what_they_were(void **state)
{
	int64_t id = begin(0, ALICE, LEDGER_OWES_MESSAGE);
	const struct ledger_record *record;

	(void)state;
	changed(id, ALICE, LEDGER_OWES_NOTICE, "550 no");
	verdict(id, ALICE, LEDGER_DEFERRED);
	end(id);
	assert_int_equal(compare()->owed[0].due_s, START + 600);
	assert_int_equal(compare()->owed[0].first_deferred_s, START);
	begin(id, ALICE, LEDGER_OWES_MESSAGE);
	begin(id, LEDGER_NOBODY, LEDGER_OWES_NOTICE);
	record = compare();
	assert_true(record->under_way);
	assert_int_equal(record->owed_count, 2);
	assert_int_equal(record->owed[0].owes, LEDGER_OWES_NOTICE);
	assert_int_equal(record->owed[0].due_s, 0);
	assert_string_equal(record->owed[1].recipient, LEDGER_NOBODY);
	assert_int_equal(record->owed[1].owes, LEDGER_OWES_NOTICE);
}

static void settled_is_settled(void **state)
{
	int64_t id = begin(0, ALICE, LEDGER_OWES_MESSAGE);

	(void)state;
	verdict(id, ALICE, LEDGER_SETTLED);
	assert_int_equal(end(id), LEDGER_STATE_SETTLED);
	check_found(1, ID, START, "nn");
	begin(id, BOB, LEDGER_OWES_MESSAGE);
	verdict(id, BOB, LEDGER_REFUSED);
	assert_int_equal(end(id), LEDGER_STATE_REFUSED);
}

static void delivered_is_a_duplicate_for_a_while(void **state)
{
	int64_t id = begin(0, ALICE, LEDGER_OWES_MESSAGE);

	(void)state;
	begin(id, BOB, LEDGER_OWES_COPY);
	verdict(id, ALICE, LEDGER_DELIVERED);
	verdict(id, BOB, LEDGER_DELIVERED);
	check_found(1, ID, START + WINDOW - 1, "ny");
	check_found(1, ID, START + WINDOW, "nn");
	check_found(2, ID, START, "nn");
	check_found(1, SPAN("<2@sender.example>"), START, "nn");
	check_found(1, (struct span){ 0 }, START, "nn");
}

static void forgotten_and_held(void **state)
{
	int64_t id = begin(0, ALICE, LEDGER_OWES_MESSAGE);

	(void)state;
	fake_ledger_hold(world.ledger, true);
	verdict(id, ALICE, LEDGER_DELIVERED);
	ask(1, ID, START);
	assert_true(fake_net_settle(world.loop));
	assert_int_equal(world.found.len, 0);
	fake_ledger_hold(world.ledger, false);
	assert_true(fake_net_settle(world.loop));
	assert_string_equal(strbuf_str(&world.found), "ny");
	strbuf_clear(&world.found);
	ask(1, ID, START);
	ledger_forget_callbacks(world.ledger, &world);
	assert_true(fake_net_settle(world.loop));
	assert_int_equal(world.found.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(changed_is_owed_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(known_recipients_are_owed_what_they_were, setup, teardown),
		cmocka_unit_test_setup_teardown(settled_is_settled, setup, teardown),
		cmocka_unit_test_setup_teardown(delivered_is_a_duplicate_for_a_while, setup, teardown),
		cmocka_unit_test_setup_teardown(forgotten_and_held, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("fake_ledger", tests, NULL, NULL);
}
