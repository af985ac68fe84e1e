"""Lines of a console: whole ones, damaged ones, those of the kernel, and waiting among them."""

import threading
import time
import unittest

from targets.console import Console, Job


def console(*lines: bytes) -> Console:
    made = Console()
    made.jobs[1] = Job("one", number=1)
    made.jobs[2] = Job("two", number=2)
    for line in lines:
        made.feed(line)
    return made


class Lines(unittest.TestCase):
    def test_jobs_are_told_apart(self) -> None:
        made = console(b"@gs 1 o 2 hi\n", b"@gs 2 e 3 bad\n", b"@gs 1 o 0 \r\n".replace(b"\r", b""), b"@gs 2 x 1 3\n")
        self.assertEqual((made.jobs[1].out, made.jobs[1].status), (["hi", ""], None))
        self.assertEqual((made.jobs[2].err, made.jobs[2].status), (["bad"], 3))
        self.assertEqual(made.damaged, [])

    def test_what_the_kernel_writes_before_a_line_does_no_harm(self) -> None:
        made = console(b"[   1.0] random: crng@gs 1 o 2 hi\n")
        self.assertEqual(made.jobs[1].out, ["hi"])

    def test_what_the_kernel_writes_into_a_line_is_noticed(self) -> None:
        for line in (b"@gs 1 o 2 h[ 1.0] ooopsi\n", b"@gs 1 o 9 hi\n", b"@gs 1 o\n", b"@gs 7 o 2 hi\n", b"@gs 1 z 2 hi\n"):
            made = console(line)
            self.assertEqual(made.jobs[1].out, [], line)
            self.assertEqual(len(made.damaged), 1, line)

    def test_other_lines_are_only_kept(self) -> None:
        made = console(b"SeaBIOS (version 1)\r\n", b"\xff\xfe\n", b"\n")
        self.assertEqual(made.damaged, [])
        self.assertIn("SeaBIOS (version 1)", made.tail())

    def test_length_counts_bytes(self) -> None:
        text = "Grüße, 世界 \u2028\x85".encode()
        made = console(b"@gs 1 o %d %s\n" % (len(text), text), b"@gs 1 o 2 \xff\xfe\n")
        self.assertEqual(made.jobs[1].out, [text.decode(), "\ufffd\ufffd"])

    def test_carriage_returns_of_a_program_stay(self) -> None:
        self.assertEqual(console(b"@gs 1 o 3 a\r\r\n").jobs[1].out, ["a\r\r"])

    def test_long_lines_are_put_together(self) -> None:
        made = console(b"@gs 1 p 2 ab\n", b"@gs 1 e 1 !\n", b"@gs 1 p 1 c\n", b"@gs 1 o 1 d\n", b"@gs 1 o 1 e\n")
        self.assertEqual((made.jobs[1].out, made.jobs[1].err), (["abcd", "e"], ["!"]))

    def test_a_text_that_looks_like_a_line(self) -> None:
        made = console(b"@gs 1 o 12 @gs 2 x 1 0 \n")
        self.assertEqual((made.jobs[1].out, made.jobs[2].status), (["@gs 2 x 1 0 "], None))


class Waiting(unittest.TestCase):
    def test_ends_with_what_was_waited_for(self) -> None:
        made = console()
        threading.Timer(0.05, made.feed, [b"@gs 1 x 1 0\n"]).start()
        self.assertTrue(made.wait(lambda: made.jobs[1].status == 0, time.monotonic() + 30))

    def test_ends_at_the_deadline(self) -> None:
        made = console()
        self.assertFalse(made.wait(lambda: made.jobs[1].status == 0, time.monotonic() + 0.05))

    def test_ends_with_the_guest(self) -> None:
        made = console()
        threading.Timer(0.05, made.close).start()
        begin = time.monotonic()
        self.assertFalse(made.wait(lambda: False, begin + 30))
        self.assertLess(time.monotonic() - begin, 10)


if __name__ == "__main__":
    unittest.main()
