/* SPDX-License-Identifier: ISC
 *
 * ledger/: listings against rows. What is known, what is gone, what is
 * forgotten and when; and the merge against a model that is too simple to be
 * wrong.
 */
#include "test_ledger.h"

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

static int64_t begin_span(struct world *world, struct span uid, uint8_t hash_byte)
{
	uint8_t hash[LEDGER_HASH_LEN] = { hash_byte };
	struct ledger_begin begin = { .mailbox = 1, .uid = uid, .hash = hash, .now_s = test_now_s };
	int64_t id = ledger_begin(world->ledger, &begin);

	ledger_end(world->ledger, id, test_now_s, NULL, NULL);
	return id;
}

static void compare_uid(struct world *world, const char *uid, bool complete)
{
	compare(world, list_of(&uid, 1, complete));
}

static bool knows(struct world *world, const char *uid)
{
	return compare_one(world, uid) != NULL;
}

static void uids_are_opaque(void **state)
{
	static const struct span uids[] = {
		{ "", 0 },
		{ "\0", 1 },
		{ "\0\0", 2 },
		{ "a", 1 },
		{ "a\0", 2 },
		{ "a\0b", 3 },
		{ "A", 1 },
		{ "a\r\n", 3 },
		{ "\xff", 1 },
		{ "\xc3\x28", 2 },
		{ "'; DROP TABLE", 13 },
		{ "%n", 2 },
		{ "1", 1 },
		{ "01", 2 },
		{ "1.0", 3 },
		{ " 1", 2 },
		{ "a\0c", 3 },
		{ "\x80", 1 },
	};
	const size_t count = sizeof(uids) / sizeof(uids[0]);
	struct world *world = *state;
	struct ledger_listing *listing = ledger_listing_new();
	int64_t ids[sizeof(uids) / sizeof(uids[0])];

	for (size_t i = 0; i < count; i++) {
		ids[i] = begin_span(world, uids[i], 1);
		ledger_listing_add(listing, (uint32_t)i, uids[i], i);
	}
	listing->complete = true;
	compare(world, listing);
	for (size_t i = 0; i < count; i++) {
		assert_true(span_equal(world->listing->entries[i].uid, uids[i]));
		assert_int_equal(world->listing->entries[i].number, i);
		assert_int_equal(world->listing->entries[i].size, i);
		assert_int_equal(world->listing->entries[i].record_count, 1);
		assert_int_equal(world->listing->entries[i].records[0].id, ids[i]);
	}
}

static void long_uids_are_not_cut(void **state)
{
	char uid[100000];
	struct world *world = *state;
	struct ledger_listing *listing = ledger_listing_new();

	memset(uid, 'u', sizeof(uid));
	begin_span(world, span_make(uid, sizeof(uid)), 1);
	ledger_listing_add(listing, 1, span_make(uid, sizeof(uid) - 1), 0);
	ledger_listing_add(listing, 2, span_make(uid, sizeof(uid)), 0);
	compare(world, listing);
	assert_int_equal(world->listing->entries[0].record_count, 0);
	assert_int_equal(world->listing->entries[1].record_count, 1);
}

static void one_uid_two_messages(void **state)
{
	struct world *world = *state;
	int64_t first = begin_span(world, SPAN("same"), 1);
	int64_t second = begin_span(world, SPAN("same"), 2);

	compare(world, list_of((const char *[]){ "other", "same", "same" }, 3, true));
	assert_int_equal(world->listing->entries[0].record_count, 0);
	for (size_t i = 1; i < 3; i++) {
		assert_int_equal(world->listing->entries[i].record_count, 2);
		assert_int_equal(world->listing->entries[i].records[0].id, first);
		assert_int_equal(world->listing->entries[i].records[0].hash[0], 1);
		assert_int_equal(world->listing->entries[i].records[1].id, second);
		assert_int_equal(world->listing->entries[i].records[1].hash[0], 2);
	}
}

static void hash_may_be_unknown(void **state)
{
	struct world *world = *state;
	struct ledger_begin begin = { .mailbox = 1, .uid = SPAN("uid") };

	ledger_end(world->ledger, ledger_begin(world->ledger, &begin), START, NULL, NULL);
	assert_false(compare_one(world, "uid")->has_hash);
	change(world, "UPDATE message SET hash = x'00'");
	assert_false(compare_one(world, "uid")->has_hash);
}

static void mailbox_is_all_three(void **state)
{
	static const struct ledger_mailbox others[] = {
		{ "office2", "pop.example:995", "user" },
		{ "office", "pop.example:110", "user" },
		{ "office", "pop.example:995", "User" },
	};
	const char *uid = "1";
	struct world *world = *state;

	begin_span(world, SPAN("1"), 1);
	for (size_t i = 0; i < 3; i++) {
		ledger_compare(world->ledger, &others[i], list_of(&uid, 1, true), on_compared, world);
		wait_answers(world, world->answers + 1);
		assert_int_equal(world->listing->mailbox, i + 2);
		assert_int_equal(world->listing->entries[0].record_count, 0);
	}
	assert_true(knows(world, "1"));
	assert_int_equal(world->listing->mailbox, 1);
}

/* From here on: `stays` is always listed, `uid` is the one that goes. */
static void goes_away(struct world *world)
{
	begin_span(world, SPAN("stays"), 1);
	compare_uid(world, "stays", true);
}

static void forgotten_after_30_days(void **state)
{
	struct world *world = *state;

	begin_span(world, SPAN("uid"), 1);
	goes_away(world);
	assert_int_equal(query(world, "SELECT gone_since FROM message WHERE uid = x'756964'"), START);
	test_now_s += 30 * DAY;
	compare_uid(world, "stays", true);
	assert_int_equal(query(world, "SELECT count(*) FROM message"), 2);
	test_now_s += 1;
	compare_uid(world, "stays", true);
	assert_int_equal(query(world, "SELECT count(*) FROM message"), 1);
}

static void deleted_is_forgotten_after_3_days(void **state)
{
	struct world *world = *state;
	int64_t id = begin_span(world, SPAN("uid"), 1);
	int64_t rows;

	ledger_deleted(world->ledger, &id, 1, test_now_s);
	goes_away(world);
	rows = rows_written(world);
	test_now_s += 3 * DAY;
	compare_uid(world, "stays", true);
	assert_int_equal(rows_written(world), rows);
	test_now_s += 1;
	compare_uid(world, "stays", true);
	assert_int_equal(query(world, "SELECT count(*) FROM message"), 1);
}

static void owed_is_forgotten_with_its_recipients(void **state)
{
	struct world *world = *state;

	message(world, "uid", LEDGER_DEFERRED);
	goes_away(world);
	test_now_s += 31 * DAY;
	compare_uid(world, "stays", true);
	assert_int_equal(query(world, "SELECT count(*) FROM message"), 1);
	assert_int_equal(query(world, "SELECT count(*) FROM recipient"), 0);
}

/* A DELE that did not take: the state stays, it is deleted again, and the days count anew. */
static void back_again(void **state)
{
	struct world *world = *state;
	int64_t id = begin_span(world, SPAN("uid"), 1);

	ledger_deleted(world->ledger, &id, 1, test_now_s);
	goes_away(world);
	test_now_s += 2 * DAY;
	assert_int_equal(compare_one(world, "uid")->state, LEDGER_STATE_DELETED);
	assert_int_equal(query(world, "SELECT count(*) FROM message WHERE gone_since IS NOT NULL"), 0);
	test_now_s += 2 * DAY;
	compare_uid(world, "stays", true);
	test_now_s += 3 * DAY;
	compare_uid(world, "stays", true);
	assert_true(knows(world, "uid"));
}

static void incomplete_listing_forgets_nothing(void **state)
{
	struct world *world = *state;

	begin_span(world, SPAN("uid"), 1);
	compare_uid(world, "stays", false);
	assert_int_equal(query(world, "SELECT count(*) FROM message WHERE gone_since IS NOT NULL"), 0);
	compare_uid(world, "stays", true);
	test_now_s += 365 * DAY;
	compare_uid(world, "stays", false);
	assert_true(knows(world, "uid"));
}

static void empty_listing_forgets_nothing(void **state)
{
	struct world *world = *state;

	begin_span(world, SPAN("uid"), 1);
	test_now_s += 365 * DAY;
	compare(world, list_of(NULL, 0, true));
	assert_int_equal(query(world, "SELECT count(*) FROM message WHERE gone_since IS NOT NULL"), 1);
	assert_true(knows(world, "uid"));
	assert_int_equal(query(world, "SELECT count(*) FROM message WHERE gone_since IS NOT NULL"), 0);
}

/* Gone since next year: counted from today, or it would stay for a year and more. */
static void gone_in_the_future(void **state)
{
	struct world *world = *state;

	test_now_s = START + 365 * DAY;
	begin_span(world, SPAN("uid"), 1);
	goes_away(world);
	test_now_s = START;
	compare_uid(world, "stays", true);
	assert_int_equal(query(world, "SELECT gone_since FROM message WHERE uid = x'756964'"), START);
}

#define KNOWN 20000
#define NEW 10
#define MANY 100000

static struct ledger_listing *numbered(size_t count)
{
	struct ledger_listing *listing = ledger_listing_new();
	char uid[32];

	for (size_t i = 0; i < count; i++)
		ledger_listing_add(listing, (uint32_t)i,
		                   span_make(uid, (size_t)snprintf(uid, sizeof(uid), "%zu", i * 7919 % count)), 1);
	listing->complete = true;
	return listing;
}

static void begin_numbered(struct world *world, size_t count)
{
	char uid[32];

	for (size_t i = 0; i < count; i++)
		begin_span(world, span_make(uid, (size_t)snprintf(uid, sizeof(uid), "%zu", i)), 1);
}

static size_t count_known(const struct ledger_listing *listing)
{
	size_t known = 0;

	for (size_t i = 0; i < listing->count; i++)
		known += listing->entries[i].record_count;
	return known;
}

static void known_mail_costs_no_write(void **state)
{
	struct world *world = *state;
	struct ledger_listing *listing = numbered(KNOWN);
	int64_t rows;

	begin_numbered(world, KNOWN);
	wait_quiet(world);
	rows = rows_written(world);
	for (size_t i = 0; i < NEW; i++)
		ledger_listing_add(listing, (uint32_t)(KNOWN + i), span_of("new"), 1);
	compare(world, listing);
	assert_int_equal(count_known(world->listing), KNOWN);
	for (size_t i = 0; i < NEW; i++)
		assert_int_equal(world->listing->entries[KNOWN + i].record_count, 0);
	assert_int_equal(rows_written(world), rows);
}

static void a_hundred_thousand(void **state)
{
	struct world *world = *state;

	begin_numbered(world, MANY / 2);
	compare(world, numbered(MANY));
	assert_int_equal(count_known(world->listing), MANY / 2);
	compare(world, list_of(NULL, 0, true));
	assert_int_equal(query(world, "SELECT count(*) FROM message WHERE gone_since IS NULL"), 0);
}

/* The model: a message a UID of one or two letters, listed or not, gone since when. */
#define MODEL_SIZE 64
#define MODEL_ROUNDS 60

struct model {
	int64_t id; /* 0: not known */
	int64_t gone_since_s;
	bool listed;
};

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static const char *model_uid(size_t i, char uid[3])
{
	uid[0] = (char)('a' + i % 8);
	uid[1] = (char)(i / 8 > 0 ? 'a' + i / 8 : 0);
	uid[2] = '\0';
	return uid;
}

static void model_listing(struct model *model, const struct ledger_listing *listing)
{
	for (size_t i = 0; i < MODEL_SIZE; i++) {
		if (model[i].listed)
			model[i].gone_since_s = 0;
		else if (listing->complete && model[i].gone_since_s == 0)
			model[i].gone_since_s = test_now_s;
		else if (listing->complete && test_now_s - model[i].gone_since_s > 30 * DAY)
			model[i] = (struct model){ 0 };
	}
}

static void check_model(const struct model *model, const struct ledger_listing *listing)
{
	const struct ledger_entry *entry;

	for (size_t i = 0; i < listing->count; i++) {
		entry = &listing->entries[i];
		assert_int_equal(entry->record_count, model[entry->number].id != 0);
		if (entry->record_count > 0)
			assert_int_equal(entry->records[0].id, model[entry->number].id);
	}
}

static void merge_agrees_with_model(void **state)
{
	struct world *world = *state;
	struct model model[MODEL_SIZE] = { 0 };
	uint32_t seed = 42;
	char uid[3];

	for (size_t round = 0; round < MODEL_ROUNDS; round++) {
		struct ledger_listing *listing = ledger_listing_new();

		listing->complete = next_random(&seed) % 4 != 0;
		for (size_t i = 0; i < MODEL_SIZE; i++) {
			if (model[i].id == 0 && next_random(&seed) % 4 == 0)
				model[i] = (struct model){ .id = begin_span(world, span_of(model_uid(i, uid)), 1) };
			model[i].listed = next_random(&seed) % 3 != 0;
			for (size_t times = next_random(&seed) % 2; model[i].listed && times < 2; times++)
				ledger_listing_add(listing, (uint32_t)i, span_of(model_uid(i, uid)), 1);
		}
		test_now_s += 11 * DAY;
		compare(world, listing);
		check_model(model, world->listing);
		model_listing(model, world->listing);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(uids_are_opaque, setup, teardown),
		cmocka_unit_test_setup_teardown(long_uids_are_not_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(one_uid_two_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(hash_may_be_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(mailbox_is_all_three, setup, teardown),
		cmocka_unit_test_setup_teardown(forgotten_after_30_days, setup, teardown),
		cmocka_unit_test_setup_teardown(deleted_is_forgotten_after_3_days, setup, teardown),
		cmocka_unit_test_setup_teardown(owed_is_forgotten_with_its_recipients, setup, teardown),
		cmocka_unit_test_setup_teardown(back_again, setup, teardown),
		cmocka_unit_test_setup_teardown(incomplete_listing_forgets_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(empty_listing_forgets_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(gone_in_the_future, setup, teardown),
		cmocka_unit_test_setup_teardown(known_mail_costs_no_write, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hundred_thousand, setup, teardown),
		cmocka_unit_test_setup_teardown(merge_agrees_with_model, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ledger_compare", tests, NULL, NULL);
}
