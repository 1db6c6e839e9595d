"""Rounds in which several connections write, one of them flushes or all write with FUA, and the server is killed: what was
acknowledged must be there. For test_durability.py and `./dev soak nbd`.
"""

import os
import random

from harness import FLUSH, FUA, WRITE, Client, Server

BLOCK = 16 << 10


class KillRounds:
    """One image, killed again and again; knows what must be in it."""

    def __init__(self, image, size, connections=4, seed=1, arguments=()):
        self.image, self.connections, self.arguments = image, connections, arguments
        self.blocks = size // BLOCK
        self.expected = {}
        self.random = random.Random(seed)

    def one(self):
        """A round; returns how many acknowledged blocks were lost."""
        server = Server(*self.arguments, self.image)
        clients = [Client(server, structured=i % 2 == 0, extended=i % 3 == 2) for i in range(self.connections)]
        try:
            durable = self.random.random() < 0.3
            written = {}
            places = self.random.sample(range(self.blocks), 8 * len(clients))
            for cookie, place in enumerate(places):
                written[place] = os.urandom(BLOCK)
                clients[cookie % len(clients)].send(WRITE, place * BLOCK, BLOCK, written[place], FUA if durable else 0, cookie)
            for cookie in range(len(places)):
                assert clients[cookie % len(clients)].reply()[1] == 0
            if not durable:  # a flush on one connection is one for all: that is what CAN_MULTI_CONN promises
                assert self.random.choice(clients).do(FLUSH)[0] == 0
            self.expected.update(written)
            unanswered = self.random.sample(range(self.blocks), len(clients))
            for client, place in zip(clients, unanswered):
                client.send(WRITE, place * BLOCK, BLOCK, os.urandom(BLOCK))
                self.expected.pop(place, None)  # may be there or not
        finally:
            server.kill()
            for client in clients:
                client.close()
        return self.lost()

    def lost(self):
        with open(self.image, "rb") as f:
            def there(place, data):
                f.seek(place * BLOCK)
                return f.read(BLOCK) == data
            return sum(not there(place, data) for place, data in self.expected.items())
