// A session of the simulated network: two directions, each a queue of what its end has yet to be told.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

#include "io/peer_transport.h"
#include "sim/sim_executor.h"

namespace forebay::sim {

struct SimSessionItem {
  enum class Kind : std::uint8_t { kBegin, kMessage, kEnd };
  Kind kind = Kind::kMessage;
  TimePoint arrival;
  // It comes over the wire, so a cut holds it up; an end's own timeout does not.
  bool from_afar = true;
  io::PeerMessage message;
  Error why;
};

// What goes to one end.
struct SimDirection {
  std::deque<io::PeerMessage> queued;  // at the sender, not yet taken by the network
  std::size_t queued_bytes = 0;
  std::deque<SimSessionItem> on_the_way;
  std::size_t window_bytes = 0;          // taken by the network and not acknowledged
  std::size_t unacknowledged_bytes = 0;  // of those: read, but the acknowledgement was cut off
  TimePoint line_free;                   // bandwidth
  TimePoint last_arrival;
  std::uint64_t delivery = 0;  // the one event that counts; an older one finds another number
  bool delivery_armed = false;
  bool pump_armed = false;
  bool room_wanted = false;
};

struct SimSession {
  std::uint64_t number = 0;
  std::array<io::PeerShard, 2> shards;  // the first one accepted, the second one dialled
  std::array<io::PeerHello, 2> hellos;  // as they were when it began
  std::array<SimDirection, 2> to;
  std::array<bool, 2> attached{true, true};  // the process of that end lives
  std::array<bool, 2> told{};                // that it began
  std::array<bool, 2> failing{};  // it ended for the machine of that end; the process learns it soon
  std::array<bool, 2> over{};     // the process knows
  std::array<bool, 2> watched{};
  std::array<TimePoint, 2> gives_up;
};

}  // namespace forebay::sim
