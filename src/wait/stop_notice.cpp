// Floor: wait

#include <weft/limit.hpp>
#include <weft/stop_notice.hpp>

namespace weft {

stop_notice::stop_notice() : whose_(detail::stop_of_caller()), limits_(whose_.limits) {
    told = [](detail::stop_listener& me) noexcept { static_cast<stop_notice&>(me).look(); };
    whose_.listeners.add(*this);
    look();
}

stop_notice::~stop_notice() {
    whose_.listeners.remove(*this);
}

void stop_notice::look() noexcept {
    if (whose_.cancelled || limited::any_met(limits_)) {
        source_.request_stop();
    }
}

}  // namespace weft
