// How a node comes to belong to a cluster: from the static list, what it has on disk, and what the others
// say. Pure; asked again whenever something is heard.
//
// A cluster begins once: only the first listed node initialises it, and only when every listed node answers
// and is empty. A silent node may hold the cluster whose other nodes were wiped, so nobody forms a new one
// behind its back. Everybody else joins whoever is formed.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/ids.h"

namespace forebay::cluster {

struct ListedNode {
  model::NodeId node;
  std::string address;  // for messages
};

// What a node said when it was called.
struct Hello {
  model::NodeId node;
  model::Uuid disk;
  model::Uuid cluster_id;                     // nil: it belongs to none
  std::optional<model::NodeId> first_listed;  // in its own list; none: it did not say
};

struct FormingInput {
  std::vector<ListedNode> listed;  // in order; empty: a single node
  Hello self;
  std::vector<std::optional<Hello>>
      heard;  // of each listed node, while it answers; the own place is not looked at
};

struct Serve {};       // it belongs to a cluster already
struct Initialise {};  // begin one, with itself as the only voter
struct Join {
  model::Uuid cluster_id;
  std::vector<model::NodeId> members;  // those that answered so
};
struct Wait {
  std::string reason;  // for the log and /readyz
};
struct Refuse {
  Error error;  // kInvalidConfig, kFailedPrecondition
};
using Forming = std::variant<Serve, Initialise, Join, Wait, Refuse>;

// Requires: heard is as long as listed.
[[nodiscard]] Forming next_step(const FormingInput& input);

}  // namespace forebay::cluster
