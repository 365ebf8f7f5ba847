/* SPDX-License-Identifier: ISC
 *
 * The clauses of a Received field.
 *
 * What a sender says ends up in it: the HELO text and the name of its address
 * between `from` and `by`, its address in a comment, the recipient in `for`. A
 * server that copies the HELO text as it came lets the sender write clauses.
 * Two things remain that it cannot do: keep the server from writing its own
 * `by`, and write between that and the date. So a clause that stands twice
 * spoils the field, and a `for` counts only behind `by`, or as the very first
 * word. Behind the date it may write again, where a server takes its first
 * line for a continuation: a clause there spoils the field, too.
 */
#include "multidropd/received.h"

#include <stdlib.h>

#include "multidropd/header.h"
#include "received_token.h"

enum clause { CLAUSE_FROM, CLAUSE_BY, CLAUSE_VIA, CLAUSE_WITH, CLAUSE_ID, CLAUSE_FOR, CLAUSE_NONE };

struct reader {
	struct received *received;
	struct strbuf by;
	struct strbuf recipients;
	enum clause clause;
	bool seen[CLAUSE_NONE];
	bool by_doubtful;
	bool wants_value;    /* the clause has none yet, or a comma says that more follows */
	bool sender_may_say; /* what follows may be a sender's words */
	bool dated;
};

static enum clause clause_of(struct span word)
{
	static const char *const words[CLAUSE_NONE] = { "from", "by", "via", "with", "id", "for" };
	int clause = CLAUSE_FROM;

	if (word.len > 4)
		return CLAUSE_NONE;
	while (clause < CLAUSE_NONE && !span_is(word, words[clause]))
		clause++;
	return (enum clause)clause;
}

/* The first fault is the one to tell. */
static void set_fault(struct reader *reader, const char *fault)
{
	if (reader->received->fault == NULL)
		reader->received->fault = fault;
}

/*
 * A clause word in the place of a value may be either: "from by by mx" is a
 * client that calls itself "by", or one that has no name and a second `by`.
 */
static void end_clause(struct reader *reader)
{
	if (reader->wants_value) {
		set_fault(reader, "a clause has no value");
		if (reader->clause == CLAUSE_BY)
			reader->by_doubtful = true;
	}
	reader->wants_value = false;
	reader->clause = CLAUSE_NONE;
}

static void begin_clause(struct reader *reader, enum clause clause)
{
	end_clause(reader);
	/* OpenSMTPD takes a sender's first line that begins with a blank for a continuation of its own field. */
	if (reader->dated)
		set_fault(reader, "a clause stands behind the date");
	if (reader->seen[clause]) {
		set_fault(reader, "a clause stands twice");
		if (clause == CLAUSE_BY)
			reader->by_doubtful = true;
	}
	if (clause == CLAUSE_FOR && reader->sender_may_say)
		set_fault(reader, "`for` stands where a sender may have written it");
	if (clause == CLAUSE_FROM)
		reader->sender_may_say = true;
	else if (clause == CLAUSE_BY)
		reader->sender_may_say = false;
	reader->clause = clause;
	reader->seen[clause] = true;
	reader->wants_value = true;
}

/* Addresses are parted by commas: two words without one are no list that any server is known to write. */
static void take_recipient(struct reader *reader, struct span word)
{
	if (!reader->wants_value && word.data[0] != ',')
		set_fault(reader, "more than an address stands behind `for`");
	if (reader->recipients.len > 0)
		strbuf_add_byte(&reader->recipients, ' ');
	header_unfold(word, &reader->recipients);
	reader->wants_value = word.data[word.len - 1] == ',';
}

static void take_word(struct reader *reader, struct span word)
{
	enum clause clause = clause_of(word);

	if (clause != CLAUSE_NONE) {
		begin_clause(reader, clause);
		return;
	}
	if (reader->clause == CLAUSE_FOR) {
		take_recipient(reader, word);
		return;
	}
	if (reader->clause == CLAUSE_BY && reader->wants_value)
		header_unfold(word, &reader->by);
	if (!reader->seen[CLAUSE_BY])
		reader->sender_may_say = true;
	reader->wants_value = false;
}

/* Servers leave out an unknown client's name, but neither their own nor the recipient's: "from ([192.0.2.1]) by mx". */
static void take_comment(struct reader *reader)
{
	if (!reader->seen[CLAUSE_BY])
		reader->sender_may_say = true;
	if (reader->clause != CLAUSE_BY && reader->clause != CLAUSE_FOR)
		reader->wants_value = false;
}

static void take_bad(struct reader *reader, const char *fault)
{
	set_fault(reader, fault);
	reader->by_doubtful = true;
}

static void take_semicolon(struct reader *reader)
{
	end_clause(reader);
	reader->dated = true;
}

static void read_clauses(struct reader *reader, struct span value)
{
	struct received_lexer lexer;

	received_lexer_begin(&lexer, value);
	for (; lexer.kind != RECEIVED_TOKEN_END; received_lexer_next(&lexer)) {
		if (lexer.kind == RECEIVED_TOKEN_BAD) {
			take_bad(reader, lexer.fault);
			return;
		}
		if (lexer.kind == RECEIVED_TOKEN_WORD)
			take_word(reader, lexer.text);
		else if (lexer.kind == RECEIVED_TOKEN_COMMENT)
			take_comment(reader);
		else
			take_semicolon(reader);
	}
	end_clause(reader);
}

void received_parse(struct received *received, struct span value)
{
	struct reader reader = { .received = received, .clause = CLAUSE_NONE };

	*received = (struct received){ 0 };
	read_clauses(&reader, value);
	if (reader.seen[CLAUSE_BY] && !reader.by_doubtful)
		received->by = strbuf_take(&reader.by);
	if (reader.seen[CLAUSE_FOR] && received->fault == NULL)
		received->recipients = strbuf_take(&reader.recipients);
	strbuf_free(&reader.by);
	strbuf_free(&reader.recipients);
}

void received_free(struct received *received)
{
	free(received->by);
	free(received->recipients);
	*received = (struct received){ 0 };
}
