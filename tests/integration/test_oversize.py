# SPDX-License-Identifier: ISC
"""What is larger than max_size: who is told, what stays with the provider, what goes."""
from messages import attachment, is_ours, make, read_notice
from scene import USER, Scene, check_delivered
from servers import tail
from tap import check, main, test

scene = Scene()


def stock_large():
    body, mime = attachment(300_000)
    large = make("large", ["alice", "bob"], body, extra=mime, subject="The plans, all of them")
    small = make("small", ["alice"])
    scene.stock([small, large])
    return small, large


def limit(**changes):
    scene.configure({"example.com": scene.account(**changes)})


@test
def too_large_stays_with_a_notice_until_the_limit_is_raised():
    scene.begin()
    small, large = stock_large()
    limit(max_size="100K")
    log = scene.daemon.once()
    check.assertRegex(tail(scene.provider.log, 1), "retr=1/", "the large one is not retrieved")
    check_delivered(scene.office, "alice", [small])
    for user in ("alice", "bob"):
        [notice] = [read_notice(stored) for stored in scene.office.delivered(user) if is_ours(stored)]
        check.assertEqual(notice.mail["Subject"], "Too large, left on the server: The plans, all of them")
        check.assertRegex(notice.text, f"Message-ID: <{large.message_id}>")
        check.assertIn(scene.uids()[0], notice.text)
    told = [one for one in log.verdicts("delivered") if "max_size" in one.get("note", "")]
    check.assertEqual(sorted(",".join(one["to"] for one in told).split(",")), ["alice@example.com", "bob@example.com"])
    check.assertEqual(len(scene.provider.left(USER)), 1)
    check.assertEqual(scene.daemon.once().verdicts(), [])
    limit(max_size="1M")
    scene.daemon.once()
    check_delivered(scene.office, "alice", [small, large])
    check_delivered(scene.office, "bob", [large])
    check.assertEqual(scene.provider.left(USER), [])


@test
def too_large_is_delivered_as_its_header():
    scene.begin()
    _, large = stock_large()
    limit(max_size="100K", oversize="headers")
    log = scene.daemon.once()
    [stored] = scene.office.delivered("bob")
    header = read_notice(stored)
    check.assertEqual(header.mail.get_content_type(), "text/plain")
    check.assertEqual(header.mail["From"], "Anna <anna@partner.example>")
    check.assertEqual(header.mail["Message-ID"], f"<{large.message_id}>")
    check.assertEqual(header.mail.get_all("MIME-Version"), ["1.0"])
    check.assertIn("only the header", header.text)
    check.assertEqual(log.alarms(), [])
    check.assertEqual(len(scene.provider.left(USER)), 1)


@test
def too_large_is_deleted_with_a_warning():
    scene.begin()
    small, _ = stock_large()
    limit(max_size="100K", oversize="delete")
    log = scene.daemon.once()
    check_delivered(scene.office, "alice", [small])
    check.assertEqual(scene.office.delivered("bob"), [])
    check.assertEqual(len(log.matching("warning: .*oversize = delete")), 1)
    check.assertEqual(scene.provider.left(USER), [])


main(scene)
