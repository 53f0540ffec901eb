// The parts of a control payload that checkpoints use too.
#pragma once

#include "log/core/control.h"
#include "log/core/wire.h"

namespace forebay::log {

void put_membership(WireWriter& out, const Membership& membership);
[[nodiscard]] Membership get_membership(WireReader& in);  // a malformed one sets in.failed()

}  // namespace forebay::log
