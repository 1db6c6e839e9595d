"""example_supervisor starts again what fails or takes too long, and in the end gives it up."""

import subprocess

from harness import PATIENCE, ExampleTest, main, path_of

LONG = int(PATIENCE * 1000)


class Supervisor(ExampleTest):
    def run_on(self, milliseconds, times, *commands):
        return subprocess.run([path_of("supervisor"), str(milliseconds), str(times), *commands], capture_output=True,
                              text=True, timeout=PATIENCE)

    def test_commands_that_succeed_are_run_once(self):
        done = self.run_on(LONG, 3, "true", f"echo once >> {self.path('log')}")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.read("log"), b"once\n")

    def test_one_that_fails_is_started_again_until_it_succeeds(self):
        log = self.path("log")
        command = f"echo x >> {log}; test $(wc -l < {log}) = 3"
        done = self.run_on(LONG, 5, command)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines(),
                         2 * [f"{command}: exited with 1"] + [f"{command}: exited with 0"])

    def test_one_that_takes_too_long_is_killed_and_started_again(self):
        done = self.run_on(50, 2, "exec tail -f /dev/null")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.splitlines(), 2 * ["exec tail -f /dev/null: killed: it took too long"])
        self.assertEqual(done.stderr, "supervisor: exec tail -f /dev/null: given up\n")

    def test_when_one_is_given_up_the_others_are_stopped(self):
        done = self.run_on(LONG, 1, "false", "exec tail -f /dev/null")
        self.assertEqual((done.returncode, done.stdout), (1, "false: exited with 1\n"))
        self.assertEqual(done.stderr, "supervisor: false: given up\n")

    def test_it_explains_itself(self):
        self.check_usage("supervisor", [], ["1", "1"], ["0", "1", "true"], ["1", "0", "true"], ["x", "1", "true"])


if __name__ == "__main__":
    main()
