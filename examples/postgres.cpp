// Another library that has a descriptor: libpq, PostgreSQL's client, awaited as its manual says to use it with select(2).

#include <libpq-fe.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <weft/limit.hpp>
#include <weft/task.hpp>
#include <weft/when.hpp>

namespace {

constexpr char usage[] = R"(usage: example_postgres CONNECTION QUERY...

Runs the queries at the same time, each through a connection of its own, and prints the rows: the number of the query, and
the columns, with tabs between. CONNECTION is as for psql: "host=/run/postgresql dbname=test". Names are looked up by libpq,
while all stands still; hostaddr= takes an address. Exit code 1 if a query failed, or was not done in 30 seconds.
)";

constexpr std::chrono::seconds patience{30};
using result = std::unique_ptr<PGresult, decltype(&PQclear)>;

class database {
public:
    /// Connects. Throws std::runtime_error with what libpq says. Suspends.
    explicit database(char const* where) : raw_(PQconnectStart(where), PQfinish) {
        check(PQstatus(raw()) != CONNECTION_BAD);
        for (auto next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK; next = PQconnectPoll(raw())) {
            check(next != PGRES_POLLING_FAILED);
            int fd = PQsocket(raw());  // another one when it has gone on to the next address
            next == PGRES_POLLING_READING ? weft::wait_readable(fd) : weft::wait_writable(fd);
        }
        check(PQsetnonblocking(raw(), 1) == 0);
    }

    /// Suspends.
    void send(char const* query) {
        check(PQsendQuery(raw(), query) == 1);
        int left = 0;
        while ((left = PQflush(raw())) == 1) {  // the server may want to be rid of something before it takes more
            int fd = PQsocket(raw());
            bool writable = weft::select(weft::when::readable(fd), weft::when::writable(fd)).index() == 1;
            check(writable || PQconsumeInput(raw()) == 1);
        }
        check(left == 0);
    }

    /// What the next statement has brought; empty after the last. Suspends.
    result receive() {
        while (PQisBusy(raw()) != 0) {
            weft::wait_readable(PQsocket(raw()));
            check(PQconsumeInput(raw()) == 1);
        }
        result r(PQgetResult(raw()), PQclear);
        check(r == nullptr || PQresultStatus(r.get()) == PGRES_TUPLES_OK ||
              PQresultStatus(r.get()) == PGRES_COMMAND_OK);
        return r;
    }

private:
    [[nodiscard]] PGconn* raw() const { return raw_.get(); }

    void check(bool good) const {
        if (!good) {
            throw std::runtime_error(PQerrorMessage(raw()));
        }
    }

    std::unique_ptr<PGconn, decltype(&PQfinish)> raw_;
};

void print(int number, PGresult const* rows) {
    for (int row = 0; row < PQntuples(rows); ++row) {
        std::string line = std::to_string(number) + ':';
        for (int column = 0; column < PQnfields(rows); ++column) {
            line += (column == 0 ? " " : "\t") + std::string(PQgetvalue(rows, row, column));
        }
        std::puts(line.c_str());
    }
}

/// Returns whether all went well.
bool run(int number, char const* where, char const* query) {
    try {
        weft::limited limit(patience);
        database server(where);
        server.send(query);
        while (result rows = server.receive()) {
            print(number, rows.get());
        }
        return true;
    } catch (std::exception const& e) {
        std::fprintf(stderr, "postgres: query %d: %s\n", number, e.what());
        return false;
    }
}

}  // namespace

int main(int argc, char** argv) {
    bool help = argc == 2 && argv[1] == std::string_view("--help");
    if (help || argc < 3) {
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    bool all_well = true;
    weft::run([&] {
        weft::scope queries;
        for (int i = 2; i < argc; ++i) {
            queries.spawn([&, i] { all_well = run(i - 1, argv[1], argv[i]) && all_well; });
        }
        queries.join();
    });
    return all_well ? 0 : 1;
}
