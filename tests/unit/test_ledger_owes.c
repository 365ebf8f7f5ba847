/* SPDX-License-Identifier: ISC
 *
 * ledger/: what a recipient is owed beyond the message, as verdicts change
 * it, transactions begin anew and the file is opened again.
 */
#include "test_ledger.h"

#define ALICE "alice@office.example"
#define BOB "bob@office.example"

static int setup(void **state)
{
	struct world *world = world_new();

	world_open(world);
	mailbox_row(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void reopen(struct world *world)
{
	ledger_close(&world->ledger);
	world_open(world);
}

static int64_t begin_owing(struct world *world, int64_t id, const char *recipient, enum ledger_owes owes)
{
	struct ledger_begin begin = {
		.id = id,
		.mailbox = 1,
		.uid = SPAN("uid"),
		.recipients = &recipient,
		.owes = &owes,
		.recipient_count = 1,
		.now_s = test_now_s,
	};

	return ledger_begin(world->ledger, &begin);
}

/* The only one who is owed message `uid`. */
static const struct ledger_owed *only_owed(struct world *world)
{
	const struct ledger_record *record = compare_one(world, "uid");

	assert_non_null(record);
	assert_int_equal(record->state, LEDGER_STATE_OWED);
	assert_int_equal(record->owed_count, 1);
	return record->owed;
}

static void each_outcome(void **state)
{
	static const struct {
		enum ledger_owes owes;
		enum ledger_outcome outcome;
		enum ledger_state want;
		const char *row; /* while somebody else is owed */
	} cases[] = {
		{ LEDGER_OWES_MESSAGE, LEDGER_DELIVERED, LEDGER_STATE_SETTLED,
		  "state = 'delivered' AND owes = 'message'" },
		{ LEDGER_OWES_BOUNCE, LEDGER_DELIVERED, LEDGER_STATE_SETTLED,
		  "state = 'delivered' AND owes = 'bounce'" },
		{ LEDGER_OWES_COPY, LEDGER_DELIVERED, LEDGER_STATE_SETTLED, "state = 'delivered' AND owes = 'copy'" },
		{ LEDGER_OWES_NOTICE, LEDGER_DELIVERED, LEDGER_STATE_SETTLED,
		  "state = 'delivered' AND owes = 'notice'" },
		{ LEDGER_OWES_MESSAGE, LEDGER_SETTLED, LEDGER_STATE_SETTLED, "state = 'settled' AND owes = 'message'" },
		{ LEDGER_OWES_COPY, LEDGER_SETTLED, LEDGER_STATE_SETTLED, "state = 'settled' AND owes = 'copy'" },
		{ LEDGER_OWES_MESSAGE, LEDGER_DEFERRED, LEDGER_STATE_OWED, "state = 'owed' AND owes = 'message'" },
		{ LEDGER_OWES_BOUNCE, LEDGER_DEFERRED, LEDGER_STATE_OWED, "state = 'owed' AND owes = 'bounce'" },
		{ LEDGER_OWES_COPY, LEDGER_POSSIBLE, LEDGER_STATE_OWED, "state = 'owed' AND owes = 'copy'" },
		{ LEDGER_OWES_NOTICE, LEDGER_REFUSED, LEDGER_STATE_REFUSED, "state = 'refused' AND owes = 'notice'" },
		{ LEDGER_OWES_SIZE, LEDGER_REFUSED, LEDGER_STATE_OVERSIZE, "state = 'refused' AND owes = 'size'" },
		{ LEDGER_OWES_HEADER, LEDGER_REFUSED, LEDGER_STATE_OVERSIZE, "state = 'refused' AND owes = 'header'" },
		{ LEDGER_OWES_SIZE, LEDGER_DEFERRED, LEDGER_STATE_OWED, "state = 'owed' AND owes = 'size'" },
		{ LEDGER_OWES_HEADER, LEDGER_POSSIBLE, LEDGER_STATE_OWED, "state = 'owed' AND owes = 'header'" },
	};
	struct world *world = *state;
	int64_t id;
	char *sql;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		id = begin_owing(world, 0, ALICE, cases[i].owes);
		verdict(world, id, ALICE, cases[i].outcome);
		assert_int_equal(end(world, id), cases[i].want);

		id = begin_owing(world, 0, ALICE, cases[i].owes);
		begin_owing(world, id, BOB, LEDGER_OWES_MESSAGE);
		verdict(world, id, ALICE, cases[i].outcome);
		assert_int_equal(end(world, id), LEDGER_STATE_OWED);
		sql = str_format("SELECT count(*) FROM recipient WHERE message = %lld AND address = '" ALICE
		                 "' AND refusal IS NULL AND %s",
		                 (long long)id, cases[i].row);
		assert_int_equal(query(world, sql), 1);
		free(sql);
	}
}

static void owed_the_message_unless_told(void **state)
{
	struct world *world = *state;
	const char *const to[] = { ALICE };

	begin_as(world, 0, "uid", to, 1);
	assert_int_equal(only_owed(world)->owes, LEDGER_OWES_MESSAGE);
	assert_null(only_owed(world)->refusal);
}

static void changed_begins_anew(void **state)
{
	struct world *world = *state;
	int64_t id = begin_owing(world, 0, ALICE, LEDGER_OWES_MESSAGE);
	const struct ledger_owed *owed;

	verdict(world, id, ALICE, LEDGER_DEFERRED);
	verdict(world, id, ALICE, LEDGER_DEFERRED);
	changed(world, id, ALICE, LEDGER_OWES_BOUNCE, "550 5.1.1 unknown");
	assert_int_equal(end(world, id), LEDGER_STATE_OWED);
	reopen(world);
	owed = only_owed(world);
	assert_int_equal(owed->owes, LEDGER_OWES_BOUNCE);
	assert_string_equal(owed->refusal, "550 5.1.1 unknown");
	assert_int_equal(owed->due_s, 0);
	assert_int_equal(owed->first_deferred_s, 0);
	assert_int_equal(owed->attempts, 0);
}

static void deferred_keeps_the_refusal(void **state)
{
	struct world *world = *state;
	int64_t id = begin_owing(world, 0, ALICE, LEDGER_OWES_MESSAGE);
	const struct ledger_owed *owed;

	changed(world, id, ALICE, LEDGER_OWES_COPY, "554 no");
	verdict(world, id, ALICE, LEDGER_DEFERRED);
	assert_int_equal(end(world, id), LEDGER_STATE_OWED);
	owed = only_owed(world);
	assert_int_equal(owed->owes, LEDGER_OWES_COPY);
	assert_string_equal(owed->refusal, "554 no");
	assert_int_equal(owed->due_s, START + 600);
	assert_int_equal(owed->first_deferred_s, START);
	assert_int_equal(owed->attempts, 1);
	assert_int_equal(query(world, "SELECT reply = '250 fine' FROM recipient"), 1);
}

static void first_refusal_stays_without_another(void **state)
{
	struct world *world = *state;
	int64_t id = begin_owing(world, 0, ALICE, LEDGER_OWES_MESSAGE);

	changed(world, id, ALICE, LEDGER_OWES_BOUNCE, "550 first");
	changed(world, id, ALICE, LEDGER_OWES_COPY, NULL);
	end(world, id);
	assert_int_equal(only_owed(world)->owes, LEDGER_OWES_COPY);
	assert_string_equal(only_owed(world)->refusal, "550 first");
	changed(world, id, ALICE, LEDGER_OWES_NOTICE, "550 second");
	assert_int_equal(only_owed(world)->owes, LEDGER_OWES_NOTICE);
	assert_string_equal(only_owed(world)->refusal, "550 second");
	changed(world, id, ALICE, LEDGER_OWES_NOTICE, "");
	assert_string_equal(only_owed(world)->refusal, "");
}

static void long_refusals_are_cut(void **state)
{
	struct world *world = *state;
	int64_t id = begin_owing(world, 0, ALICE, LEDGER_OWES_MESSAGE);
	char reply[5000];

	memset(reply, 'x', sizeof(reply) - 1);
	reply[sizeof(reply) - 1] = '\0';
	changed(world, id, ALICE, LEDGER_OWES_COPY, reply);
	assert_int_equal(strlen(only_owed(world)->refusal), 512);
}

/* What a row says stays; what begin says is for those that have none. */
static void known_recipients_are_owed_what_they_were(void **state)
{
	struct world *world = *state;
	int64_t id = begin_owing(world, 0, ALICE, LEDGER_OWES_MESSAGE);
	const struct ledger_record *record;
	const struct ledger_owed *owed;

	changed(world, id, ALICE, LEDGER_OWES_COPY, "550 no");
	verdict(world, id, ALICE, LEDGER_DEFERRED);
	end(world, id);
	for (int stored = 0; stored < 2; stored++) {
		if (stored)
			reopen(world);
		begin_owing(world, id, ALICE, LEDGER_OWES_MESSAGE);
		owed = only_owed(world);
		assert_int_equal(owed->owes, LEDGER_OWES_COPY);
		assert_string_equal(owed->refusal, "550 no");
		assert_int_equal(owed->due_s, 0);
		assert_int_equal(owed->first_deferred_s, START);
	}
	begin_owing(world, id, BOB, LEDGER_OWES_BOUNCE);
	record = compare_one(world, "uid");
	assert_int_equal(record->owed_count, 2);
	assert_string_equal(record->owed[1].recipient, BOB);
	assert_int_equal(record->owed[1].owes, LEDGER_OWES_BOUNCE);
	assert_null(record->owed[1].refusal);
}

/* Tried once more, by hand: what was refused is what is tried. */
static void refused_and_tried_again(void **state)
{
	struct world *world = *state;
	int64_t id = begin_owing(world, 0, ALICE, LEDGER_OWES_MESSAGE);

	changed(world, id, ALICE, LEDGER_OWES_NOTICE, "550 no");
	verdict(world, id, ALICE, LEDGER_REFUSED);
	assert_int_equal(end(world, id), LEDGER_STATE_REFUSED);
	assert_int_equal(compare_one(world, "uid")->owed_count, 0);
	begin_owing(world, id, ALICE, LEDGER_OWES_MESSAGE);
	assert_int_equal(only_owed(world)->owes, LEDGER_OWES_NOTICE);
}

/* A verdict makes the recipient, where begin did not name him. */
static void changed_without_being_named(void **state)
{
	struct world *world = *state;
	int64_t id = begin_owing(world, 0, ALICE, LEDGER_OWES_MESSAGE);

	verdict(world, id, ALICE, LEDGER_DELIVERED);
	changed(world, id, BOB, LEDGER_OWES_NOTICE, "550 no");
	assert_int_equal(end(world, id), LEDGER_STATE_OWED);
	assert_string_equal(only_owed(world)->recipient, BOB);
	assert_int_equal(only_owed(world)->owes, LEDGER_OWES_NOTICE);
}

/* A notice about a message that is kept, which nobody is to get. */
static void nobody_is_a_recipient(void **state)
{
	struct world *world = *state;
	int64_t id = begin_owing(world, 0, LEDGER_NOBODY, LEDGER_OWES_NOTICE);

	verdict(world, id, LEDGER_NOBODY, LEDGER_DEFERRED);
	assert_int_equal(end(world, id), LEDGER_STATE_OWED);
	reopen(world);
	assert_string_equal(only_owed(world)->recipient, LEDGER_NOBODY);
	assert_int_equal(only_owed(world)->owes, LEDGER_OWES_NOTICE);
	assert_null(only_owed(world)->refusal);
	begin_owing(world, id, LEDGER_NOBODY, LEDGER_OWES_NOTICE);
	verdict(world, id, LEDGER_NOBODY, LEDGER_REFUSED);
	assert_int_equal(end(world, id), LEDGER_STATE_REFUSED);
}

/* The discarded and the suppressed are settled among those that have it; one who is owed or refused outweighs them. */
static void settled_beside_others(void **state)
{
	static const struct {
		enum ledger_outcome bob;
		enum ledger_state want;
	} cases[] = {
		{ LEDGER_DELIVERED, LEDGER_STATE_SETTLED }, { LEDGER_SETTLED, LEDGER_STATE_SETTLED },
		{ LEDGER_DEFERRED, LEDGER_STATE_OWED },     { LEDGER_REFUSED, LEDGER_STATE_REFUSED },
		{ LEDGER_CHANGED, LEDGER_STATE_OWED },
	};
	const char *const to[] = { ALICE, BOB };
	struct world *world = *state;
	int64_t id;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		id = begin_as(world, 0, "uid", to, 2);
		verdict(world, id, ALICE, LEDGER_SETTLED);
		verdict(world, id, BOB, cases[i].bob);
		assert_int_equal(end(world, id), cases[i].want);
	}
}

/* Too large, and one of the recipients was told; the other is owed, refused, or was told as well. */
static void too_large_beside_others(void **state)
{
	static const struct {
		enum ledger_owes bob;
		enum ledger_outcome outcome;
		enum ledger_state want;
	} cases[] = {
		{ LEDGER_OWES_SIZE, LEDGER_REFUSED, LEDGER_STATE_OVERSIZE },
		{ LEDGER_OWES_SIZE, LEDGER_DEFERRED, LEDGER_STATE_OWED },
		{ LEDGER_OWES_NOTICE, LEDGER_REFUSED, LEDGER_STATE_OVERSIZE },
		{ LEDGER_OWES_NOTICE, LEDGER_DEFERRED, LEDGER_STATE_OWED },
		{ LEDGER_OWES_MESSAGE, LEDGER_DELIVERED, LEDGER_STATE_OVERSIZE },
	};
	struct world *world = *state;
	int64_t id;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		id = begin_owing(world, 0, ALICE, LEDGER_OWES_SIZE);
		begin_owing(world, id, BOB, cases[i].bob);
		verdict(world, id, ALICE, LEDGER_REFUSED);
		verdict(world, id, BOB, cases[i].outcome);
		assert_int_equal(end(world, id), cases[i].want);
	}
}

static int64_t begin_anew(struct world *world, int64_t id, const uint8_t *hash, const char *recipient)
{
	struct ledger_begin begin = {
		.id = id,
		.anew = true,
		.mailbox = 1,
		.uid = SPAN("uid"),
		.hash = hash,
		.size = 4711,
		.recipients = &recipient,
		.recipient_count = 1,
		.now_s = test_now_s,
	};

	return ledger_begin(world->ledger, &begin);
}

static const struct ledger_record *left_for_its_size(struct world *world, int64_t *id)
{
	*id = begin_owing(world, 0, LEDGER_NOBODY, LEDGER_OWES_SIZE);
	verdict(world, *id, LEDGER_NOBODY, LEDGER_REFUSED);
	assert_int_equal(end(world, *id), LEDGER_STATE_OVERSIZE);
	reopen(world);
	return compare_one(world, "uid");
}

/* A record by UID alone becomes that of a message that is delivered. */
static void anew_forgets_what_was_known(void **state)
{
	static const uint8_t hash[LEDGER_HASH_LEN] = { 9 };
	struct world *world = *state;
	const struct ledger_record *record;
	int64_t id;

	record = left_for_its_size(world, &id);
	assert_int_equal(record->state, LEDGER_STATE_OVERSIZE);
	assert_int_equal(record->settled_s, START);
	assert_int_equal(record->owed_count, 0);
	assert_false(record->has_hash);
	test_now_s += 60;
	assert_int_equal(begin_anew(world, id, hash, BOB), id);
	wait_quiet(world);
	reopen(world);
	record = compare_one(world, "uid");
	assert_int_equal(world->listing->entries[0].record_count, 1);
	assert_int_equal(record->id, id);
	assert_true(record->has_hash);
	assert_memory_equal(record->hash, hash, sizeof(hash));
	assert_int_equal(record->settled_s, 0);
	assert_int_equal(record->owed_count, 1);
	assert_string_equal(record->owed[0].recipient, BOB);
	assert_int_equal(record->owed[0].owes, LEDGER_OWES_MESSAGE);
	assert_int_equal(query(world, "SELECT count(*) FROM recipient"), 1);
	assert_int_equal(query(world, "SELECT size FROM message"), 4711);
	assert_int_equal(query(world, "SELECT first_seen FROM message"), START);
	begin_owing(world, id, BOB, LEDGER_OWES_MESSAGE);
	verdict(world, id, BOB, LEDGER_DELIVERED);
	assert_int_equal(end(world, id), LEDGER_STATE_SETTLED);
	assert_int_equal(query(world, "SELECT count(*) FROM recipient"), 0);
}

/* All between two commits, and of a record that is dropped meanwhile. */
static void anew_within_a_batch(void **state)
{
	static const uint8_t hash[LEDGER_HASH_LEN] = { 9 };
	struct world *world = *state;
	const struct ledger_record *record;
	sqlite3 *other;
	int64_t id;

	left_for_its_size(world, &id);
	other = hold_thread(world);
	begin_anew(world, id, hash, ALICE);
	begin_anew(world, id, hash, BOB);
	verdict(world, id, BOB, LEDGER_DEFERRED);
	ledger_end(world->ledger, id, test_now_s, NULL, NULL);
	release_thread(world, other);
	record = compare_one(world, "uid");
	assert_int_equal(record->owed_count, 1);
	assert_string_equal(record->owed[0].recipient, BOB);
	assert_int_equal(record->owed[0].due_s, START + 600);
	assert_true(record->has_hash);
	change(world, "DELETE FROM message");
	begin_anew(world, id, hash, ALICE);
	verdict(world, id, ALICE, LEDGER_DELIVERED);
	assert_int_equal(end(world, id), LEDGER_STATE_SETTLED);
	assert_int_equal(compare_one(world, "uid")->id, id);
}

static void unknown_words_owe_the_message(void **state)
{
	struct world *world = *state;
	int64_t id = begin_owing(world, 0, ALICE, LEDGER_OWES_COPY);

	end(world, id);
	change(world, "UPDATE recipient SET owes = 'copie'");
	assert_int_equal(only_owed(world)->owes, LEDGER_OWES_MESSAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_outcome, setup, teardown),
		cmocka_unit_test_setup_teardown(owed_the_message_unless_told, setup, teardown),
		cmocka_unit_test_setup_teardown(changed_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(deferred_keeps_the_refusal, setup, teardown),
		cmocka_unit_test_setup_teardown(first_refusal_stays_without_another, setup, teardown),
		cmocka_unit_test_setup_teardown(long_refusals_are_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(known_recipients_are_owed_what_they_were, setup, teardown),
		cmocka_unit_test_setup_teardown(refused_and_tried_again, setup, teardown),
		cmocka_unit_test_setup_teardown(changed_without_being_named, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_is_a_recipient, setup, teardown),
		cmocka_unit_test_setup_teardown(settled_beside_others, setup, teardown),
		cmocka_unit_test_setup_teardown(too_large_beside_others, setup, teardown),
		cmocka_unit_test_setup_teardown(anew_forgets_what_was_known, setup, teardown),
		cmocka_unit_test_setup_teardown(anew_within_a_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_words_owe_the_message, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ledger_owes", tests, NULL, NULL);
}
