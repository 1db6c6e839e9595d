"""example_postgres, with a PostgreSQL server of its own."""

import glob
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

from harness import PATIENCE, ExampleTest, Program, main, path_of

FOUND = sorted(glob.glob("/usr/lib/postgresql/*/bin"))

# The server refuses to run as root.
USER = None if os.getuid() != 0 else pwd.getpwnam("nobody")
OPTIONS = {"user": USER.pw_uid, "group": USER.pw_gid, "extra_groups": []} if USER else {}


class Server(Program):
    """Listens on a Unix socket in a folder of its own."""

    def __init__(self, folder):
        data = os.path.join(folder, "data")
        subprocess.run([f"{FOUND[-1]}/initdb", "--pgdata", data, "--username", "test", "--auth", "trust", "--no-sync",
                        "--encoding", "UTF8", "--locale", "C"], check=True, stdout=subprocess.DEVNULL, cwd=folder, **OPTIONS)
        super().__init__(f"{FOUND[-1]}/postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off",
                         cwd=folder, **OPTIONS)
        self.wait_for_line("ready to accept connections")


class Postgres(ExampleTest):
    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.mkdtemp(prefix="weft-postgres-")
        cls.addClassCleanup(shutil.rmtree, cls.home, ignore_errors=True)
        if USER:
            os.chown(cls.home, USER.pw_uid, USER.pw_gid)
        cls.server = Server(cls.home)
        cls.addClassCleanup(cls.server.process.wait, PATIENCE)
        cls.addClassCleanup(cls.server.process.terminate)
        cls.where = f"host={cls.home} user=test dbname=postgres"

    def run_queries(self, *queries, where=None):
        return subprocess.run([path_of("postgres"), where or self.where, *queries], capture_output=True, text=True,
                              timeout=PATIENCE)

    def rows(self, *queries):
        done = self.run_queries(*queries)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def test_rows_come_as_they_are(self):
        self.assertEqual(self.rows("select 1, 'two', null union all select 3, 'four', 'five'"),
                         ["1: 1\ttwo\t", "1: 3\tfour\tfive"])
        self.assertEqual(self.rows("select 1; select 2"), ["1: 1", "1: 2"])

    def test_queries_run_at_the_same_time(self):
        self.rows("create table met (who int)")
        others_are_there = "do $$ begin while (select count(*) from met) < 5 loop perform pg_sleep(0.001); end loop; end $$"
        self.rows(*(f"begin; insert into met values ({i}); commit; {others_are_there}" for i in range(5)))

    def test_what_is_large_goes_both_ways(self):
        text = "x" * 100_000
        self.assertEqual(self.rows(f"select length('{text}')"), ["1: 100000"])
        self.assertEqual(self.rows("select repeat('y', 1000) from generate_series(1, 20000)"), ["1: " + "y" * 1000] * 20_000)

    def test_a_query_that_fails_is_told_and_the_others_run(self):
        done = self.run_queries("selekt", "select 2", "select pg_terminate_backend(pg_backend_pid())")
        self.assertEqual((done.returncode, done.stdout), (1, "2: 2\n"))
        self.assertIn('query 1: ERROR:  syntax error at or near "selekt"', done.stderr)
        self.assertIn("query 3: FATAL:  terminating connection", done.stderr)

    def test_a_server_that_is_not_there_is_named(self):
        done = self.run_queries("select 1", where=f"host={self.folder}")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(f'query 1: connection to server on socket "{self.folder}/', done.stderr)

    def test_usage(self):
        self.check_usage("postgres", [], ["dbname=postgres"])


if __name__ == "__main__":
    if not FOUND or not os.path.exists(path_of("postgres")):
        print("skipped: needs a PostgreSQL server, and libpq when weft was built")
        sys.exit(77)
    main()
