#include "cluster/core/voter_choice.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "cluster/core/placement.h"

namespace forebay::cluster {
namespace {

using Brokers = std::vector<MetadataBroker>;

bool is_gone(const MetadataBroker& one) { return one.away >= kVoterAbsenceMax; }

class Choice {
 public:
  Choice(const Brokers& brokers, const std::vector<log::Voter>& voters, model::NodeId leader)
      : leader_(leader) {
    for (const MetadataBroker& one : brokers) {
      const bool votes = std::find(voters.begin(), voters.end(), one.voter) != voters.end();
      (votes ? chosen_ : others_).push_back(one);
    }
  }

  void make() {
    while (chosen_.size() > kMetadataVotersMax) dismiss(least_wanted());
    // Whoever cannot be reached would only be waited for.
    while (chosen_.size() < kMetadataVotersMax) {
      const auto next = best([](const MetadataBroker& one) { return one.away.count() == 0; });
      if (next == others_.end()) break;
      appoint(next);
    }
    if (!replace_gone()) spread();
  }
  [[nodiscard]] const Brokers& chosen() const { return chosen_; }

 private:
  [[nodiscard]] std::size_t on_rack(const std::string& rack) const {
    return static_cast<std::size_t>(std::count_if(
        chosen_.begin(), chosen_.end(), [&rack](const MetadataBroker& one) { return one.rack == rack; }));
  }

  // Of those that do not vote: whoever could begin at once, and spreads the voters most.
  template <typename May>
  [[nodiscard]] Brokers::iterator best(May may) {
    const auto rank = [this](const MetadataBroker& one) {
      return std::tuple(!one.in_step, one.drained, on_rack(one.rack), one.voter);
    };
    auto found = others_.end();
    for (auto one = others_.begin(); one != others_.end(); ++one) {
      if (may(*one) && (found == others_.end() || rank(*one) < rank(*found))) found = one;
    }
    return found;
  }
  // Of those that vote: who is gone, away, or drained, or shares its rack with most; never the leader.
  [[nodiscard]] Brokers::iterator least_wanted() {
    return std::max_element(chosen_.begin(), chosen_.end(), [this](const auto& a, const auto& b) {
      const auto rank = [this](const MetadataBroker& one) {
        return std::tuple(one.voter.node != leader_, one.away, !one.in_step, one.drained, on_rack(one.rack),
                          one.voter);
      };
      return rank(a) < rank(b);
    });
  }
  void appoint(Brokers::iterator one) {
    chosen_.push_back(*one);
    others_.erase(one);
  }
  void dismiss(Brokers::iterator one) {
    others_.push_back(*one);
    chosen_.erase(one);
  }

  // Whether somebody is. Only by who could vote this moment: the others lose no vote that they could need.
  bool replace_gone() {
    bool replaced = false;
    for (;;) {
      const auto gone = std::find_if(chosen_.begin(), chosen_.end(), [this](const auto& one) {
        return is_gone(one) && one.voter.node != leader_;
      });
      if (gone == chosen_.end()) return replaced;
      const MetadataBroker leaves = *gone;
      chosen_.erase(gone);
      const auto next = best([](const MetadataBroker& one) { return one.in_step && !one.drained; });
      if (next == others_.end()) {
        chosen_.push_back(leaves);
        return replaced;
      }
      appoint(next);
      others_.push_back(leaves);
      replaced = true;
    }
  }

  // One voter of a rack that has several for one of a rack that has fewer by two, while nothing else is
  // wrong. The sum of the squares falls with each: it ends.
  void spread() {
    const auto is_steady = [](const MetadataBroker& one) { return one.in_step; };
    if (chosen_.size() < kMetadataVotersMax || !std::all_of(chosen_.begin(), chosen_.end(), is_steady))
      return;
    const auto leaves =
        std::max_element(chosen_.begin(), chosen_.end(), [this](const auto& a, const auto& b) {
          const auto rank = [this](const MetadataBroker& one) {
            return std::tuple(on_rack(one.rack), one.voter.node != leader_, one.drained, one.voter);
          };
          return rank(a) < rank(b);
        });
    const std::size_t crowd = on_rack(leaves->rack);
    const auto next = best([&](const MetadataBroker& one) {
      return one.in_step && !one.drained && on_rack(one.rack) + 2 <= crowd;
    });
    if (next == others_.end() || leaves->voter.node == leader_) return;
    std::swap(*leaves, *next);
  }

  const model::NodeId leader_;
  Brokers chosen_, others_;
};

}  // namespace

std::vector<MetadataBroker> metadata_brokers(const ClusterImage& image) {
  std::vector<MetadataBroker> brokers;
  for (const auto& [node, broker] : image.brokers) {
    if (!image.hears_metadata(broker)) continue;
    MetadataBroker& one = brokers.emplace_back();
    one.voter = {node, broker.registration.disk};
    one.rack = rack_of(image, node);
    one.drained = broker.gives_way();
  }
  return brokers;
}

MetadataMembers choose_voters(const std::vector<MetadataBroker>& brokers,
                              const std::vector<log::Voter>& voters, model::NodeId leader) {
  Choice choice(brokers, voters, leader);
  choice.make();
  Brokers chosen = choice.chosen();
  // Who is to be stopped soon leads only where nobody else can.
  std::sort(chosen.begin(), chosen.end(), [](const MetadataBroker& a, const MetadataBroker& b) {
    return std::tie(a.drained, a.voter) < std::tie(b.drained, b.voter);
  });
  MetadataMembers members;
  for (const MetadataBroker& one : chosen) members.voters.push_back(one.voter);
  for (const MetadataBroker& one : brokers) {
    if (std::find(members.voters.begin(), members.voters.end(), one.voter) == members.voters.end())
      members.learners.push_back(one.voter);
  }
  return members;
}

}  // namespace forebay::cluster
