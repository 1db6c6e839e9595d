// Floor: loop

#include <weft/stall_detector.hpp>

#include <system_error>

namespace weft {

class stall_detector::watch {};

std::string to_string(stall const& s) {
    return std::string(s.who);
}

stall_detector::stall_detector(stall_detector_options) {
    throw std::system_error(std::make_error_code(std::errc::not_supported),
                            "weft::stall_detector: there is no signal that could ask a thread what it does");
}

stall_detector::~stall_detector() = default;

}  // namespace weft
