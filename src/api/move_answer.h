// What was decided about where replicas are to be, as a message. Pure.
#pragma once

#include "broker/moves.h"
#include "forebay/v1/admin.pb.h"

namespace forebay::api {

void fill_moves(const broker::MoveResult& from, v1::MoveResponse* to);

}  // namespace forebay::api
