#include "io/real_peer_transport.h"

#include <future>
#include <utility>

#include "base/assert.h"
#include "io/peer_listener.h"
#include "io/peer_shard_transport.h"
#include "runtime/shard.h"

namespace forebay::io {

namespace {

// Runs `task` on the shard's thread and waits for it; here, when the shard does not run.
template <typename F>
void run_on(runtime::Shard& shard, F task) {
  if (shard.on_own_thread()) return task();
  std::promise<void> done;
  shard.post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace

Result<std::unique_ptr<PeerNetwork>> PeerNetwork::listen(const PeerAddress& address,
                                                         std::vector<runtime::Shard*> shards,
                                                         runtime::Rng& rng) {
  FOREBAY_ASSERT(!shards.empty() && shards.size() <= kPeerShardsMax);
  FOREBAY_TRY(SocketHandle socket, listen_for_peers(address));
  std::unique_ptr<PeerNetwork> network(new PeerNetwork({address.host, port_of(socket)}, std::move(shards)));
  std::vector<std::pair<runtime::Shard*, std::weak_ptr<PeerShardTransport>>> doors;
  for (std::uint32_t i = 0; i < network->shards_.size(); ++i) {
    runtime::Shard& shard = *network->shards_[i];
    std::shared_ptr<PeerShardTransport>& transport = network->transports_.emplace_back();
    run_on(shard, [&] { transport = std::make_shared<PeerShardTransport>(shard, i, rng); });
    doors.emplace_back(&shard, transport);
  }
  run_on(*network->shards_[0], [&] {
    network->listener_ = std::make_unique<PeerListener>(
        *network->shards_[0], std::move(socket), static_cast<std::uint32_t>(doors.size()),
        [doors](SocketHandle accepted, PeerHandshake hello) {
          const auto& [shard, transport] = doors[hello.to_shard];
          shard->post([transport, accepted = std::move(accepted), hello = std::move(hello)]() mutable {
            if (const auto alive = transport.lock()) alive->accept(std::move(accepted), hello);
          });
        });
  });
  return network;
}

PeerNetwork::PeerNetwork(PeerAddress address, std::vector<runtime::Shard*> shards)
    : address_(std::move(address)), shards_(std::move(shards)) {}

PeerNetwork::~PeerNetwork() {
  run_on(*shards_[0], [this] { listener_.reset(); });
  for (std::size_t i = 0; i < transports_.size(); ++i) {
    run_on(*shards_[i], [&] { transports_[i].reset(); });
  }
}

PeerTransport& PeerNetwork::of_shard(std::size_t index) { return *transports_.at(index); }

std::map<PeerShard, PeerStats> PeerNetwork::stats_of_shard(std::size_t index) const {
  return transports_.at(index)->stats();
}

}  // namespace forebay::io
