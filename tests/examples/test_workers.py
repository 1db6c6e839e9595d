"""example_workers prints the checksum of each file once, and reads ahead no more names than it may."""

import os
import select
import subprocess

from harness import PATIENCE, ExampleTest, Program, eventually, main, path_of, running


def checksum(data):
    total = 0xcbf29ce484222325
    for byte in data:
        total = (total ^ byte) * 0x100000001b3 % 2 ** 64
    return total


class Workers(ExampleTest):
    def checksums(self, names, *arguments):
        done = subprocess.run([path_of("workers"), *map(str, arguments)], input="".join(name + "\n" for name in names),
                              capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return sorted(done.stdout.splitlines())

    def test_each_file_is_summed_once(self):
        expected = []
        for i in range(50):
            data = bytes((i * 7 + j) % 256 for j in range(i * 400))
            self.write(f"file {i}", data)
            expected.append(f"{checksum(data)}  {self.path(f'file {i}')}")
        for arguments in ((), (1, 1), (16, 4)):
            self.assertEqual(self.checksums([self.path(f"file {i}") for i in range(50)], *arguments), sorted(expected))

    def test_a_file_that_there_is_not_is_told_and_the_others_are_summed(self):
        self.write("there", b"")
        self.assertEqual(self.checksums([self.path("not there"), self.path("there")]),
                         sorted([f"{self.path('not there')}: No such file or directory",
                                 f"{checksum(b'')}  {self.path('there')}"]))

    def test_it_reads_no_further_while_the_workers_are_busy(self):
        slow = self.path("slow")
        os.mkfifo(slow)  # to open it takes until somebody opens its other end
        self.write("quick", b"")
        name = f"{self.path('quick')}\n".encode()
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        with running(Program(path_of("workers"), 1, 2, stdin=reading, stdout=subprocess.PIPE)) as program:
            os.write(writing, f"{slow}\n".encode() + 10 * name)
            eventually("what was written first is read", lambda: not select.select([reading], [], [], 0)[0])
            written = 10
            try:
                while written < 100_000:  # all would be read as fast as it is written
                    os.write(writing, name)
                    written += 1
            except BlockingIOError:
                pass
            self.assertLess(written, 100_000)
            open(slow, "wb").close()
            os.close(writing)
            os.close(reading)
            with program.process.stdout as out:
                lines = out.read().splitlines()
            program.wait()
        about_slow = [line for line in lines if slow in line]  # what a pipe's offset is, kernels do not agree on
        self.assertEqual((len(about_slow), len(lines)), (1, written + 1))
        self.assertEqual(set(lines) - set(about_slow), {f"{checksum(b'')}  {self.path('quick')}"})

    def test_it_explains_itself(self):
        self.check_usage("workers", ["0"], ["x"], ["1", "0"], ["1", "1", "1"])


if __name__ == "__main__":
    main()
