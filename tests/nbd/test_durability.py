"""After an acknowledged FLUSH, or FUA write, the data is in the image, whatever happens to the server."""

import os

from harness import FLUSH, FUA, QUICK, WRITE, Client, ImageTest, Server, main
from kill_rounds import KillRounds

ROUNDS = 8 if QUICK else 20
BLOCK = 64 << 10


class Durability(ImageTest):
    def check_image(self, expected):
        with open(self.image, "rb") as f:
            for offset, data in expected.items():
                f.seek(offset)
                self.assertEqual(f.read(len(data)), data, f"at {offset}")

    def test_what_was_acknowledged_survives_sigkill(self):
        expected = {}
        for number in range(ROUNDS):
            server = Server(self.image)
            with Client(server, structured=number % 2 == 0) as client:
                fua = number % 3 == 0
                blocks = {(number * 7 + i * 13) % (self.SIZE // BLOCK) * BLOCK: os.urandom(BLOCK) for i in range(8)}
                for cookie, (offset, data) in enumerate(blocks.items()):
                    client.send(WRITE, offset, BLOCK, data, FUA if fua else 0, cookie)
                replies = [client.reply() for _ in blocks]
                self.assertEqual({cookie for cookie, _, _ in replies}, set(range(len(blocks))))
                self.assertTrue(all(error == 0 for _, error, _ in replies))
                if not fua:
                    self.assertEqual(client.do(FLUSH)[0], 0)
                # More is under way when the server dies: what was not acknowledged may be there or not.
                client.send(WRITE, self.SIZE - BLOCK, BLOCK, os.urandom(BLOCK), 0, 99)
                server.kill()
            blocks.pop(self.SIZE - BLOCK, None)
            expected.pop(self.SIZE - BLOCK, None)
            expected.update(blocks)
            self.check_image(expected)

    def test_a_flush_on_one_connection_covers_the_writes_of_all(self):
        rounds = KillRounds(self.image, self.SIZE)
        for number in range(ROUNDS):
            self.assertEqual(rounds.one(), 0, f"round {number}")


if __name__ == "__main__":
    main()
