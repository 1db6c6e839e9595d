"""What newer, and older, clients ask for: byte by byte, as no client in Debian speaks all of it."""

import os
import struct

import harness
from harness import (ACK, BLOCK_STATUS, CACHE, EINVAL, ENOTSUP, EOVERFLOW, ERR_EXT_HEADER_REQD, ERR_INVALID, ERR_UNKNOWN,
                     EXTENDED_HEADERS, FAST_ZERO, FLUSH, FUA, GO, INFO, LIST, LIST_META_CONTEXT, NO_HOLE, PAYLOAD_LEN,
                     READ, REPLY_INFO, REPLY_META_CONTEXT, REQ_ONE, SET_META_CONTEXT, STRUCTURED_REPLY, TRIM, WRITE,
                     WRITE_ZEROES, Client, ImageTest, main, meta_data, serving)

ALLOCATION = "base:allocation"
HOLE = 3  # a hole, which reads as zeros


class MetaContexts(ImageTest):
    def test_are_listed(self):
        with serving(self.image) as server, Client(server, structured=True, go=False) as client:
            for queries in ([], ["base:"], [ALLOCATION], ["x:y", ALLOCATION]):
                replies = client.option(LIST_META_CONTEXT, meta_data("disk", *queries))
                self.assertEqual(replies, [(REPLY_META_CONTEXT, struct.pack(">I", 0) + ALLOCATION.encode()), (ACK, b"")])
            self.assertEqual(client.option(LIST_META_CONTEXT, meta_data("disk", "x:")), [(ACK, b"")])

    def test_are_selected(self):
        with serving(self.image) as server, Client(server, structured=True, go=False) as client:
            replies = client.option(SET_META_CONTEXT, meta_data("", "x:y", ALLOCATION))
            self.assertEqual(replies, [(REPLY_META_CONTEXT, struct.pack(">I", 1) + ALLOCATION.encode()), (ACK, b"")])
            self.assertEqual(client.option(SET_META_CONTEXT, meta_data("", "base:")), [(ACK, b"")])

    def test_need_structured_replies_an_export_and_lengths_that_fit(self):
        with serving(self.image) as server:
            with Client(server, go=False) as client:
                self.assertEqual(client.option(SET_META_CONTEXT, meta_data("", ALLOCATION))[-1][0], ERR_INVALID)
            with Client(server, structured=True, go=False) as client:
                self.assertEqual(client.option(SET_META_CONTEXT, meta_data("none", ALLOCATION))[-1][0], ERR_UNKNOWN)
                self.assertEqual(client.option(LIST_META_CONTEXT, b"\0\0\0\1")[-1][0], ERR_INVALID)

    def test_hold_for_the_export_they_were_selected_for_and_until_the_next_selection(self):
        with serving(f"a={self.image}", f"b={self.image}") as server:
            for queries in ([meta_data("a", ALLOCATION)], [meta_data("b", ALLOCATION), meta_data("b")],
                            [meta_data("b", ALLOCATION), meta_data("none", ALLOCATION)]):
                with Client(server, structured=True, go=False) as client:
                    for query in queries:
                        client.option(SET_META_CONTEXT, query)
                    self.assertEqual(client.option(GO, harness.go_data("b"))[-1][0], ACK)
                    self.assertEqual(client.do(BLOCK_STATUS, 0, 512)[0], EINVAL)


class BlockStatus(ImageTest):
    def setUp(self):
        super().setUp()
        with open(self.image, "r+b") as f:
            for at in (1 << 20, 8 << 20):
                f.seek(at)
                f.write(os.urandom(1 << 20))

    EXPECTED = [(1 << 20, HOLE), (1 << 20, 0), (6 << 20, HOLE), (1 << 20, 0), (7 << 20, HOLE)]

    def test_tells_of_holes(self):
        for extended in (False, True):
            with serving(self.image) as server, Client(server, structured=True, extended=extended,
                                                       contexts=[ALLOCATION]) as client:
                self.assertEqual(client.do(BLOCK_STATUS, 0, self.SIZE), (0, self.EXPECTED))
                self.assertEqual(client.do(BLOCK_STATUS, 0, self.SIZE, flags=REQ_ONE), (0, self.EXPECTED[:1]))
                self.assertEqual(client.do(BLOCK_STATUS, (1 << 20) + 512, 1024), (0, [(1024, 0)]))
                self.assertEqual(client.do(BLOCK_STATUS, 512, 1 << 20), (0, [((1 << 20) - 512, HOLE), (512, 0)]))

    def test_of_what_is_wrong_is_an_error(self):
        with serving(self.image) as server, Client(server, structured=True, contexts=[ALLOCATION]) as client:
            self.assertEqual(client.do(BLOCK_STATUS, 1, self.SIZE)[0], EINVAL)
            self.assertEqual(client.do(BLOCK_STATUS, 0, 0)[0], EINVAL)
            self.assertEqual(client.do(BLOCK_STATUS, 0, 512, flags=NO_HOLE)[0], EINVAL)

    def test_of_an_image_that_has_become_shorter_hides_nothing(self):
        with serving(self.image) as server, Client(server, structured=True, contexts=[ALLOCATION]) as client:
            os.truncate(self.image, 1 << 20)
            self.assertEqual(client.do(BLOCK_STATUS, 2 << 20, 512), (0, [(512, 0)]))

    def test_sees_trims_and_zeroes(self):
        with serving(self.image) as server, Client(server, structured=True, contexts=[ALLOCATION]) as client:
            self.assertEqual(client.do(TRIM, 1 << 20, 1 << 20), (0, b""))
            self.assertEqual(client.do(WRITE_ZEROES, 8 << 20, 1 << 20), (0, b""))
            self.assertEqual(client.do(BLOCK_STATUS, 0, self.SIZE), (0, [(self.SIZE, HOLE)]))


class Extended(ImageTest):
    def test_comes_after_structured_replies_and_not_before(self):
        with serving(self.image) as server, Client(server, structured=True, go=False) as client:
            self.assertEqual(client.option(EXTENDED_HEADERS)[-1][0], ACK)
            self.assertEqual(client.option(STRUCTURED_REPLY)[-1][0], ERR_EXT_HEADER_REQD)

    def test_each_command(self):
        data = os.urandom(4096)
        with serving(self.image) as server, Client(server, extended=True, contexts=[ALLOCATION]) as client:
            self.assertEqual(client.do(WRITE, 4096, data=data, flags=PAYLOAD_LEN), (0, b""))
            self.assertEqual(client.do(WRITE, 8192, data=data, flags=FUA), (0, b""))  # an older draft's client
            self.assertEqual(client.do(READ, 4096, 8192), (0, data + data))
            self.assertEqual(client.do(READ, 0, 1 << 20)[1], bytes(4096) + data + data + bytes((1 << 20) - 12288))
            self.assertEqual(client.do(FLUSH), (0, b""))
            self.assertEqual(client.do(CACHE, 0, self.SIZE), (0, b""))
            self.assertEqual(client.do(TRIM, 0, self.SIZE), (0, b""))
            self.assertEqual(client.do(WRITE_ZEROES, 0, self.SIZE, flags=NO_HOLE), (0, b""))
            self.assertEqual(client.do(READ, 4096, 4096), (0, bytes(4096)))

    def test_what_is_wrong_is_refused_and_the_connection_goes_on(self):
        with serving(self.image) as server, Client(server, extended=True) as client:
            self.assertEqual(client.do(READ, 0, 16, bytes(16), PAYLOAD_LEN)[0], EINVAL)
            self.assertEqual(client.do(READ, 0, 1 << 40)[0], EINVAL)
            self.assertEqual(client.do(WRITE_ZEROES, 0, 1 << 62)[0], harness.ENOSPC)
            self.assertEqual(client.do(READ, 0, 512), (0, bytes(512)))

    def test_lengths_beyond_32_bits(self):
        size = 5 << 30
        with serving("--size", size, self.path("large")) as server, Client(server, extended=True,
                                                                          contexts=[ALLOCATION]) as client:
            self.assertEqual(client.do(BLOCK_STATUS, 0, size), (0, [(size, HOLE)]))
            self.assertEqual(client.do(WRITE, size - 512, data=b"x" * 512, flags=PAYLOAD_LEN), (0, b""))
            self.assertEqual(client.do(TRIM, 0, size), (0, b""))
            self.assertEqual(client.do(WRITE_ZEROES, 0, size), (0, b""))
            self.assertEqual(client.do(BLOCK_STATUS, 0, size), (0, [(size, HOLE)]))
            self.assertEqual(client.do(READ, 0, size, flags=harness.DF)[0], EOVERFLOW)


class Announced(ImageTest):
    def test_flags(self):
        with serving(self.image) as server, Client(server, structured=True) as client:
            self.assertEqual(client.flags, 0b1101_1110_1101)  # FLUSH FUA TRIM ZEROES DF MULTI_CONN CACHE FAST_ZERO
        with serving("-r", self.image) as server, Client(server) as client:
            self.assertEqual(client.flags, 0b0101_0000_1111)

    def test_descriptions(self):
        with serving("--description", "a disk", self.image) as server, Client(server, go=False) as client:
            self.assertEqual(client.option(LIST)[0][1], harness.text(b"disk") + b"a disk")
            replies = client.option(INFO, harness.go_data("disk", [1, 2, 2, 2]))
            self.assertEqual([data for kind, data in replies if kind == REPLY_INFO][2:], [b"\0\1disk", b"\0\2a disk"])

    def test_fast_zeroes_are_fast_or_refused(self):
        with serving(self.image) as server, Client(server) as client:
            self.assertEqual(client.do(WRITE, 0, data=b"x" * 65536)[0], 0)
            for flags in (FAST_ZERO, FAST_ZERO | NO_HOLE):
                error, _ = client.do(WRITE_ZEROES, 0, 65536, flags=flags)
                self.assertIn(error, (0, ENOTSUP))
                self.assertEqual(client.do(WRITE_ZEROES, 0, 65536, flags=flags & ~FAST_ZERO)[0], 0)
                self.assertEqual(client.do(READ, 0, 65536), (0, bytes(65536)))

    def test_cache_reads_ahead(self):
        with serving(self.image) as server, Client(server) as client:
            for length in (0, 4096, self.SIZE):
                self.assertEqual(client.do(CACHE, 0, length), (0, b""))

    def test_older_clients_that_set_no_flags_are_served(self):
        with serving(self.image) as server, server.connect() as s:
            client = Client.__new__(Client)
            client.s, client.lengths, client.extended = s, {}, False
            client.receive(18)
            s.sendall(bytes(4))
            client.send_option(harness.EXPORT_NAME, b"disk")
            size, _ = struct.unpack(">QH", client.receive(10))
            self.assertEqual((size, client.receive(124)), (self.SIZE, bytes(124)))
            self.assertEqual(client.do(READ, 0, 512), (0, bytes(512)))


if __name__ == "__main__":
    main()
