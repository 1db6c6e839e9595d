// An echo server as one would write it by hand on io_uring: multishot accept, multishot receive into a ring of provided
// buffers, sends from those buffers, one io_uring_enter() a turn.
//
//     echo_io_uring [single] [inline]      single: a receive for each message; inline: send(2) instead of the ring's

#include <liburing.h>

#include <cerrno>
#include <cstdint>
#include <string_view>
#include <vector>

#include "server.hpp"

namespace {

constexpr unsigned entries = 4096;
constexpr unsigned buffers = 4096;  // of 32 KiB; touched as they are used
constexpr int group = 0;

enum class kind : std::uint64_t { accept, receive, send };

struct connection {
    unsigned sent = 0;  ///< Of the buffer that is being sent,
    unsigned size = 0;  ///< which has so many bytes.
    int buffer = -1;
    std::vector<std::pair<int, unsigned>> later;  ///< What came meanwhile.
    bool receiving = false;
    bool ended = false;
};

io_uring ring;
io_uring_buf_ring* provided;
char* memory;
std::vector<connection> connections;
std::vector<int> starved;  ///< Their receive ended because there was no buffer.
bool single = false;
bool send_inline = false;

io_uring_sqe* entry(kind k, int fd, int buffer = 0) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    while (sqe == nullptr) {
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    sqe->user_data =
        static_cast<std::uint64_t>(k) << 56 | static_cast<std::uint64_t>(buffer) << 32 | static_cast<std::uint32_t>(fd);
    return sqe;
}

void set_data(io_uring_sqe* sqe, std::uint64_t data) {
    sqe->user_data = data;
}

char* address_of(int buffer) {
    return memory + static_cast<std::size_t>(buffer) * echo::buffer_size;
}

void give_back(int buffer) {
    io_uring_buf_ring_add(provided, address_of(buffer), echo::buffer_size, static_cast<unsigned short>(buffer),
                          io_uring_buf_ring_mask(buffers), 0);
    io_uring_buf_ring_advance(provided, 1);
}

void receive(int fd) {
    io_uring_sqe* sqe = entry(kind::receive, fd);
    std::uint64_t data = sqe->user_data;
    if (single) {
        io_uring_prep_recv(sqe, fd, nullptr, echo::buffer_size, 0);
        sqe->ioprio = IORING_RECVSEND_POLL_FIRST;
    } else {
        io_uring_prep_recv_multishot(sqe, fd, nullptr, 0, 0);
    }
    set_data(sqe, data);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = group;
    connections[static_cast<std::size_t>(fd)].receiving = true;
}

void close_if_over(int fd) {
    connection& c = connections[static_cast<std::size_t>(fd)];
    if (c.ended && c.buffer < 0 && !c.receiving) {
        close(fd);
    }
}

void send_on(int fd) {
    connection& c = connections[static_cast<std::size_t>(fd)];
    io_uring_sqe* sqe = entry(kind::send, fd);
    std::uint64_t data = sqe->user_data;
    io_uring_prep_send(sqe, fd, address_of(c.buffer) + c.sent, c.size - c.sent, MSG_NOSIGNAL);
    set_data(sqe, data);
}

void start_sending(int fd, int buffer, unsigned size) {
    connection& c = connections[static_cast<std::size_t>(fd)];
    c.buffer = buffer;
    c.size = size;
    c.sent = 0;
    if (send_inline) {
        ssize_t n = send(fd, address_of(buffer), size, MSG_NOSIGNAL | MSG_DONTWAIT);
        c.sent = n > 0 ? static_cast<unsigned>(n) : 0;
        if (c.sent == size) {
            give_back(buffer);
            c.buffer = -1;
            return;
        }
    }
    send_on(fd);
}

void received(int fd, io_uring_cqe const& cqe) {
    connection& c = connections[static_cast<std::size_t>(fd)];
    c.receiving = (cqe.flags & IORING_CQE_F_MORE) != 0;
    if (cqe.res > 0) {
        int buffer = static_cast<int>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
        auto size = static_cast<unsigned>(cqe.res);
        if (c.buffer >= 0) {
            c.later.emplace_back(buffer, size);
        } else {
            start_sending(fd, buffer, size);
        }
    } else if (cqe.res == -ENOBUFS) {
        starved.push_back(fd);
        return;
    } else {
        c.ended = true;
    }
    if (!c.receiving && !c.ended) {
        receive(fd);
    }
    close_if_over(fd);
}

void sent(int fd, int result) {
    connection& c = connections[static_cast<std::size_t>(fd)];
    c.ended = c.ended || result < 0;
    c.sent += result < 0 ? c.size - c.sent : static_cast<unsigned>(result);
    if (c.sent < c.size) {
        send_on(fd);
        return;
    }
    give_back(c.buffer);
    c.buffer = -1;
    if (!c.later.empty()) {
        auto [buffer, size] = c.later.front();
        c.later.erase(c.later.begin());
        start_sending(fd, buffer, size);
    }
    if (!starved.empty()) {
        int other = starved.back();
        starved.pop_back();
        receive(other);
    }
    close_if_over(fd);
}

void accepted(int fd) {
    auto index = static_cast<std::size_t>(fd);
    if (index >= connections.size()) {
        connections.resize(index + 1024);
    }
    connections[index] = {};
    receive(fd);
}

void accept_on(int listener) {
    io_uring_sqe* sqe = entry(kind::accept, listener);
    std::uint64_t data = sqe->user_data;
    io_uring_prep_multishot_accept(sqe, listener, nullptr, nullptr, SOCK_CLOEXEC);
    set_data(sqe, data);
}

void make_ring() {
    io_uring_params params{};
    params.flags =
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL;
    params.cq_entries = 4 * entries;
    if (io_uring_queue_init_params(entries, &ring, &params) < 0) {
        echo::fail("io_uring");
    }
    io_uring_register_ring_fd(&ring);
    void* place = nullptr;
    if (posix_memalign(&place, 4096, buffers * sizeof(io_uring_buf)) != 0) {
        echo::fail("memory");
    }
    provided = static_cast<io_uring_buf_ring*>(place);
    io_uring_buf_ring_init(provided);
    io_uring_buf_reg how{};
    how.ring_addr = reinterpret_cast<std::uintptr_t>(place);
    how.ring_entries = buffers;
    how.bgid = group;
    if (io_uring_register_buf_ring(&ring, &how, 0) != 0) {
        echo::fail("provided buffers");
    }
    memory = static_cast<char*>(std::malloc(buffers * echo::buffer_size));
    for (unsigned i = 0; i < buffers; ++i) {
        give_back(static_cast<int>(i));
    }
}

}  // namespace

int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        single = single || argv[i] == std::string_view("single");
        send_inline = send_inline || argv[i] == std::string_view("inline");
    }
    int listener = echo::listen_anywhere(SOCK_STREAM);
    make_ring();
    accept_on(listener);
    for (;;) {
        io_uring_submit_and_wait(&ring, 1);
        io_uring_cqe* cqe;
        unsigned head;
        unsigned count = 0;
        io_uring_for_each_cqe(&ring, head, cqe) {
            ++count;
            int fd = static_cast<int>(cqe->user_data & UINT32_MAX);
            switch (static_cast<kind>(cqe->user_data >> 56)) {
                case kind::accept:
                    if (cqe->res >= 0) {
                        accepted(cqe->res);
                    }
                    if ((cqe->flags & IORING_CQE_F_MORE) == 0) {
                        accept_on(fd);
                    }
                    break;
                case kind::receive:
                    received(fd, *cqe);
                    break;
                case kind::send:
                    sent(fd, cqe->res);
                    break;
            }
        }
        io_uring_cq_advance(&ring, count);
    }
}
