"""How many durable writes a second one client can do, each after the one before, while another copies data in.

    nbd_durable.py SOCKET SECONDS SIZE
"""

import sys
import threading
import time

import nbd

BLOCK = b"weft" * (1 << 18)


def connected(path):
    client = nbd.NBD()
    client.connect_unix(path)
    return client


def copy(path, size, over):
    """Into the upper half of the disk, again and again."""
    client = connected(path)
    while not over.is_set():
        for at in range(size // 2, size - len(BLOCK), len(BLOCK)):
            client.pwrite(BLOCK, at)
            if over.is_set():
                break


def main():
    path, seconds, size = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    over = threading.Event()
    copying = threading.Thread(target=copy, args=(path, size, over))
    copying.start()
    client = connected(path)
    count, start = 0, time.monotonic()
    while time.monotonic() < start + seconds:
        client.pwrite(bytes(4096), count % 1000 * 4096, nbd.CMD_FLAG_FUA)
        count += 1
    print(count / (time.monotonic() - start))
    over.set()
    copying.join()


if __name__ == "__main__":
    main()
