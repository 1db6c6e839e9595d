"""example_mixed counts lines, by coroutines of two kinds that wait for each other."""

import subprocess

from harness import PATIENCE, ExampleTest, main, path_of


class Mixed(ExampleTest):
    def run_on(self, *names):
        return subprocess.run([path_of("mixed"), *names], capture_output=True, text=True, timeout=PATIENCE)

    def test_it_counts_the_lines_of_each_file_and_of_all(self):
        for name, lines in (("none", 0), ("few", 3), ("many", 50_000)):
            self.write(name, b"a line\n" * lines)
        done = self.run_on(*(self.path(name) for name in ("none", "few", "many")))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines(), [f"0 {self.path('none')}", f"3 {self.path('few')}",
                                                    f"50000 {self.path('many')}", "50003 in all"])

    def test_what_a_task_throws_comes_through_both_kinds(self):
        done = self.run_on(self.path("there is none"))
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("there is none: No such file or directory", done.stderr)

    def test_it_explains_itself(self):
        self.check_usage("mixed", [])


if __name__ == "__main__":
    main()
