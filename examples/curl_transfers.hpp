// libcurl's multi interface, awaited. It says which descriptors it wants to wait for, and until when; one coroutine waits for
// all of that, and for the others a transfer is a call.

#pragma once

#include <curl/curl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <new>
#include <span>
#include <system_error>
#include <weft/descriptor.hpp>
#include <weft/event.hpp>
#include <weft/task.hpp>
#include <weft/when.hpp>

template <auto Function>
struct by {
    template <class T>
    void operator()(T* what) const {
        Function(what);
    }
};

/// A transfer that somebody waits for.
struct transfer {
    weft::event done{weft::event::manual};
    CURLcode result = CURLE_OK;
};

/// The transfers of one loop.
class transfers {
public:
    /// Throws std::bad_alloc, std::system_error.
    transfers() {
        if (multi_ == nullptr) {
            throw std::bad_alloc();
        }
        if (!set_) {
            throw std::system_error(errno, std::system_category(), "epoll_create1");
        }
        curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, watch);
        curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, set_timer);
        curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
        driver_ = weft::spawn({.name = "curl"}, [this] { drive(); });
    }

    /// Like curl_easy_perform(), but only the caller waits. Suspends.
    CURLcode perform(CURL* easy) {
        transfer mine;
        curl_easy_setopt(easy, CURLOPT_PRIVATE, &mine);
        if (curl_multi_add_handle(multi_.get(), easy) != CURLM_OK) {
            return CURLE_FAILED_INIT;
        }
        struct at_end {  // however the wait ends
            CURLM* multi;
            CURL* easy;
            ~at_end() { curl_multi_remove_handle(multi, easy); }
        } remove{multi_.get(), easy};
        mine.done.wait();
        return mine.result;
    }

private:
    /// libcurl's sockets come and go inside its calls, so they are in a set of their own, and that is waited for.
    static int watch(CURL*, curl_socket_t fd, int what, void* self, void*) {
        int set = static_cast<transfers*>(self)->set_.fd();
        epoll_event event{0, {.fd = fd}};
        event.events |= (what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U;
        event.events |= (what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U;
        if (what == CURL_POLL_REMOVE) {
            epoll_ctl(set, EPOLL_CTL_DEL, fd, nullptr);
        } else if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0) {
            epoll_ctl(set, EPOLL_CTL_MOD, fd, &event);
        }
        return 0;
    }

    static int set_timer(CURLM*, long milliseconds, void* self) {
        auto& me = *static_cast<transfers*>(self);
        me.timer_ = milliseconds < 0 ? never : weft::clock::now() + std::chrono::milliseconds(milliseconds);
        me.timer_set_.set();
        return 0;
    }

    /// Until it is cancelled.
    void drive() {
        for (int running = 0;;) {
            auto first =
                weft::select(weft::when::readable(set_.fd()), weft::when::at(timer_), weft::when::happened(timer_set_));
            if (first.index() == 0) {
                std::array<epoll_event, 64> events;
                int count = epoll_wait(set_.fd(), events.data(), events.size(), 0);
                for (auto const& e : std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
                    int ready = (e.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0;
                    ready |= (e.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0;
                    ready |= (e.events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0;
                    curl_multi_socket_action(multi_.get(), e.data.fd, ready, &running);
                }
            } else if (first.index() == 1) {
                timer_ = never;
                curl_multi_socket_action(multi_.get(), CURL_SOCKET_TIMEOUT, 0, &running);
            }
            tell_who_waits();
        }
    }

    void tell_who_waits() {
        for (int left = 0; CURLMsg* message = curl_multi_info_read(multi_.get(), &left);) {
            transfer* one = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &one);
            one->result = message->data.result;
            one->done.set();
        }
    }

    static constexpr auto never = weft::clock::time_point::max();

    weft::descriptor set_{epoll_create1(EPOLL_CLOEXEC)};
    weft::clock::time_point timer_ = never;
    weft::event timer_set_{weft::event::automatic};
    std::unique_ptr<CURLM, by<curl_multi_cleanup>> multi_{curl_multi_init()};
    weft::task<void> driver_;
};
