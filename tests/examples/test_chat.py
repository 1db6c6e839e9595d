"""example_chat: who is there gets what others say, and waits for nobody."""

import socket

from harness import PATIENCE, ExampleTest, Listening, main, running


class Person:
    """Somebody in the chat, who has said a name."""

    def __init__(self, chat, name, receive_buffer=None):
        self.s = socket.socket()
        if receive_buffer:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.s.settimeout(PATIENCE)
        self.s.connect(chat.where)
        self.lines = self.s.makefile("r", encoding="utf-8", newline="\n")
        assert self.hears() == "Your name?"
        self.says(name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leaves()

    def says(self, text):
        self.s.sendall(text.encode() + b"\n")

    def hears(self):
        """The next line; nothing at the end."""
        return self.lines.readline().rstrip("\n")

    def leaves(self):
        self.lines.close()
        self.s.close()


class Chat(ExampleTest):
    def chatting(self):
        return running(Listening("chat", "127.0.0.1", "0"))

    def test_three_talk_and_one_leaves(self):
        with self.chatting() as chat, Person(chat, "ada") as ada:
            with Person(chat, "bob") as bob:
                self.assertEqual(ada.hears(), "* bob is here")
                carl = Person(chat, "carl")
                self.assertEqual(ada.hears(), "* carl is here")
                self.assertEqual(bob.hears(), "* carl is here")
                ada.says("good day")
                self.assertEqual(bob.hears(), "ada: good day")
                self.assertEqual(carl.hears(), "ada: good day")
                carl.says("good bye")
                carl.leaves()
                for other in (ada, bob):
                    self.assertEqual(other.hears(), "carl: good bye")
                    self.assertEqual(other.hears(), "* carl has left")
                bob.says("just us")
                self.assertEqual(ada.hears(), "bob: just us")
            self.assertEqual(ada.hears(), "* bob has left")

    def test_a_name_is_for_one(self):
        with self.chatting() as chat, Person(chat, "ada") as ada:
            for name in ("ada", ""):
                with Person(chat, name) as other:
                    self.assertEqual(other.hears(), "Not that one.")
                    self.assertEqual(other.hears(), "")
            with Person(chat, "ada2"):
                self.assertEqual(ada.hears(), "* ada2 is here")
            self.assertEqual(ada.hears(), "* ada2 has left")
            with Person(chat, "ada2"):  # it is free again
                self.assertEqual(ada.hears(), "* ada2 is here")

    def test_much_said_at_once_reaches_all(self):
        with self.chatting() as chat, Person(chat, "ada") as ada, Person(chat, "bob") as bob:
            self.assertEqual(ada.hears(), "* bob is here")
            ada.says("\n".join(map(str, range(5000))))
            for number in range(5000):
                self.assertEqual(bob.hears(), f"ada: {number}")

    def test_whoever_is_slow_holds_up_nobody_and_is_put_out(self):
        with self.chatting() as chat, Person(chat, "ada") as ada, Person(chat, "bob") as bob:
            self.assertEqual(ada.hears(), "* bob is here")
            with Person(chat, "slow", receive_buffer=4096):
                for other in (ada, bob):
                    self.assertEqual(other.hears(), "* slow is here")
                for number in range(50_000):
                    line = f"{number} " + 4000 * "x"
                    ada.says(line)
                    heard = bob.hears()
                    if heard == "* slow has left":
                        break
                    self.assertEqual(heard, f"ada: {line}")
                else:
                    self.fail("slow was not put out")
                self.assertEqual(bob.hears(), f"ada: {line}")
                self.assertEqual(ada.hears(), "* slow has left")

    def test_a_signal_ends_it_for_all(self):
        with self.chatting() as chat, Person(chat, "ada") as ada:
            with Person(chat, "bob") as bob:
                self.assertEqual(ada.hears(), "* bob is here")
                chat.stop()
                self.assertEqual(bob.hears(), "")

    def test_it_explains_itself(self):
        self.check_usage("chat", ["1"], ["1", "2", "3"])


if __name__ == "__main__":
    main()
