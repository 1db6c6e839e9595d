"""example_limiter lets so many lines pass a second, in order."""

import subprocess
import time

from harness import PATIENCE, ExampleTest, main, path_of

LINES = [f"line {i}" for i in range(40)]


class Limiter(ExampleTest):
    def seconds(self, *arguments):
        """How long the lines took."""
        text = "\n".join(LINES) + "\n"
        began = time.monotonic()
        done = subprocess.run([path_of("limiter"), *map(str, arguments)], input=text, capture_output=True, text=True,
                              timeout=PATIENCE)
        took = time.monotonic() - began
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, text, ""))
        return took

    def test_no_more_pass_than_may(self):
        self.assertGreaterEqual(self.seconds(100), (len(LINES) - 1) / 100)

    def test_a_burst_passes_at_once_and_the_others_do_not(self):
        self.assertGreaterEqual(self.seconds(10, len(LINES) - 2), 2 / 10)

    def test_within_the_burst_none_waits(self):
        self.assertLess(self.seconds(1, len(LINES)), len(LINES) - 1)

    def test_it_explains_itself(self):
        self.check_usage("limiter", [], ["0"], ["-1"], ["2000000"], ["1", "0"], ["1", "1", "1"])


if __name__ == "__main__":
    main()
