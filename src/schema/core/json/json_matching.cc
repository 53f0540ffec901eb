#include "schema/core/json/json_matching.h"

namespace forebay::schema::json {
namespace {

class Matching {
 public:
  Matching(const std::vector<std::vector<std::size_t>>& edges, std::size_t right_count)
      : edges_(edges), partner_(edges.size(), kUnmatched), back_(right_count, kUnmatched) {}

  std::vector<std::size_t> run() {
    while (layer()) {
      next_.assign(edges_.size(), 0);
      for (std::size_t i = 0; i < edges_.size(); ++i)
        if (partner_[i] == kUnmatched) augment(i);
    }
    return std::move(partner_);
  }

 private:
  // How far each left one is from an unmatched one, over alternating edges. False: no path to a free right
  // one.
  bool layer() {
    layer_.assign(edges_.size(), kUnmatched);
    std::vector<std::size_t> queue;
    for (std::size_t i = 0; i < edges_.size(); ++i)
      if (partner_[i] == kUnmatched) {
        layer_[i] = 0;
        queue.push_back(i);
      }
    bool reaches = false;
    for (std::size_t at = 0; at < queue.size(); ++at)
      for (const std::size_t right : edges_[queue[at]]) {
        const std::size_t left = back_[right];
        if (left == kUnmatched) {
          reaches = true;
        } else if (layer_[left] == kUnmatched) {
          layer_[left] = layer_[queue[at]] + 1;
          queue.push_back(left);
        }
      }
    return reaches;
  }

  // Follows the layers from a free left one to a free right one, without recursion: paths may be long.
  void augment(std::size_t start) {
    std::vector<std::size_t> path{start};
    while (!path.empty()) {
      const std::size_t left = path.back();
      if (next_[left] == edges_[left].size()) {
        layer_[left] = kUnmatched;  // a dead end for all
        path.pop_back();
        if (!path.empty()) ++next_[path.back()];
        continue;
      }
      const std::size_t right = edges_[left][next_[left]];
      const std::size_t owner = back_[right];
      if (owner == kUnmatched) {
        for (const std::size_t one : path) {
          partner_[one] = edges_[one][next_[one]];
          back_[partner_[one]] = one;
        }
        return;
      }
      if (layer_[owner] != kUnmatched && layer_[owner] == layer_[left] + 1)
        path.push_back(owner);
      else
        ++next_[left];
    }
  }

  const std::vector<std::vector<std::size_t>>& edges_;
  std::vector<std::size_t> partner_, back_, layer_, next_;
};

}  // namespace

std::vector<std::size_t> largest_matching(const std::vector<std::vector<std::size_t>>& edges,
                                          std::size_t right_count) {
  return Matching(edges, right_count).run();
}

}  // namespace forebay::schema::json
