"""Durable writes that a server acknowledges, and that are not on the medium: which ones it did acknowledge.

    nbd_lost.py SOCKET BLOCKS

Writes BLOCKS blocks of 4 KiB with FUA, 32 at once, and prints the numbers of those that were acknowledged. contents() says what
is in each.
"""

import sys

BLOCK = 4096
AT_ONCE = 32


def contents(block):
    return (b"%07d\n" % block) * (BLOCK // 8)


def main():
    import nbd  # of Debian's Python; who imports contents() may run on another
    client = nbd.NBD()
    client.connect_unix(sys.argv[1])
    acknowledged = []

    def write(block):
        def tell(error):
            if error.value == 0:
                acknowledged.append(block)
            return 1
        client.aio_pwrite(nbd.Buffer.from_bytearray(bytearray(contents(block))), block * BLOCK, tell, nbd.CMD_FLAG_FUA)

    for first in range(0, int(sys.argv[2]), AT_ONCE):
        for block in range(first, first + AT_ONCE):
            write(block)
        while client.aio_in_flight():
            client.poll(-1)
    print(*acknowledged)


if __name__ == "__main__":
    main()
