"""example_pipeline counts the words of what it reads."""

import collections
import random
import subprocess

from harness import PATIENCE, ExampleTest, main, path_of


def pipeline(text, *arguments, **options):
    return subprocess.run([path_of("pipeline"), *arguments], input=text, capture_output=True, text=True, timeout=PATIENCE,
                          **options)


class Pipeline(ExampleTest):
    def test_it_counts_more_than_its_channels_hold(self):
        words = random.Random(1).choices("warp weft loom shed heddle".split(), [16, 8, 4, 2, 1], k=20000)
        lines = [" ".join(words[i:i + 7]) for i in range(0, len(words), 7)]
        done = pipeline("\n".join(lines))
        expected = [f"{count} {word}\n" for word, count in collections.Counter(words).most_common()]
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "".join(expected), ""))

    def test_it_prints_no_more_than_it_is_asked_for(self):
        self.assertEqual(pipeline("a b b c c c\n", "2").stdout, "3 c\n2 b\n")

    def test_of_nothing_it_prints_nothing(self):
        done = pipeline("")
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_the_failure_of_a_stage_ends_the_others(self):
        done = subprocess.run([path_of("pipeline")], stdin=open("/proc/self/mem", "rb"), capture_output=True, text=True,
                              timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("pipeline: ", done.stderr)

    def test_it_explains_itself(self):
        self.check_usage("pipeline", ["0"], ["words"], ["1", "2"])


if __name__ == "__main__":
    main()
