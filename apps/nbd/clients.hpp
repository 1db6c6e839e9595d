// The clients that are served now, on whatever loop.

#pragma once

#include <cstddef>
#include <list>
#include <mutex>

#include "connection.hpp"

namespace nbd {

/// Threads: any. Suspends: no.
class client_list {
public:
    /// A client's place in the list. Leaves it at the latest at its end.
    class entry {
    public:
        entry(client_list& list, connection& client) : list_(list) {
            std::lock_guard lock(list_.mutex_);
            place_ = list_.all_.insert(list_.all_.end(), &client);
        }
        entry(entry const&) = delete;
        entry& operator=(entry const&) = delete;
        ~entry() {
            if (listed_) {
                leave();
            }
        }

        /// Whether the list is empty now. Once.
        bool leave() {
            std::lock_guard lock(list_.mutex_);
            list_.all_.erase(place_);
            listed_ = false;
            return list_.all_.empty();
        }

    private:
        client_list& list_;
        std::list<connection*>::iterator place_;
        bool listed_ = true;
    };

    [[nodiscard]] std::size_t size() const {
        std::lock_guard lock(mutex_);
        return all_.size();
    }

    /// Ends all connections at once.
    void cut_all() noexcept {
        std::lock_guard lock(mutex_);  // none of them is destroyed meanwhile
        for (connection* each : all_) {
            each->cut();
        }
    }

private:
    mutable std::mutex mutex_;
    std::list<connection*> all_;
};

}  // namespace nbd
