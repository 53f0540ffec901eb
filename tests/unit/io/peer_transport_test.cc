// The real transport between nodes of one process, over loopback.
#include "io/peer_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <thread>

#include "base/endian.h"
#include "peer_node.h"
#include "telemetry/log.h"

namespace forebay::io {

namespace {

using Kind = PeerEvent::Kind;
using model::NodeId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

SharedBytes piece_of(std::size_t bytes, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string text(bytes, '\0');
  std::size_t at = 0;
  for (; at + 8 <= bytes; at += 8) store_le(reinterpret_cast<std::byte*>(text.data()) + at, random());
  for (; at < bytes; ++at) text[at] = static_cast<char>(random());
  return SharedBytes::take(std::move(text));
}

std::string text_of(const PeerMessage& message) {
  std::string text = message.header + "|";
  for (const SharedBytes& piece : message.pieces) {
    text += std::to_string(piece.size()) + ":";
    text += as_text(piece.span());
  }
  return text;
}

bool same(const PeerMessage& a, const PeerMessage& b) { return text_of(a) == text_of(b); }

std::map<NodeId, PeerAddress> addresses(const std::vector<PeerNode*>& nodes) {
  std::map<NodeId, PeerAddress> all;
  for (const PeerNode* node : nodes) all[node->id()] = node->address();
  return all;
}

bool wait_for_unreachable(PeerNode& node, const std::string& text) {
  return node.recorder(0).wait_for_event([&](const PeerEvent& event) {
    return event.kind == Kind::kUnreachable && event.error.context.find(text) != std::string::npos;
  });
}

// What waits for room is sent when there is some; lives on the sender's shard.
class Pump {
 public:
  Pump(PeerNode& node, std::size_t shard, PeerShard to, std::vector<PeerMessage> messages)
      : transport_(node.transport(shard)), to_(to), messages_(std::move(messages)) {}
  void run() {
    while (next_ < messages_.size()) {
      const PeerMessage& message = messages_[next_];
      if (!message.pieces.empty() && transport_.room(to_) < peer_room_wanted(message.bytes())) return;
      if (!transport_.send(to_, message)) return;
      ++next_;
    }
  }

 private:
  PeerTransport& transport_;
  PeerShard to_;
  std::vector<PeerMessage> messages_;
  std::size_t next_ = 0;
};

TEST(PeerTransport, EveryPairOfShardsHasItsSession) {
  PeerNode low({.id = 1, .shards = 2, .incarnation = 5});
  PeerNode high({.id = 2, .shards = 3, .incarnation = 6});
  low.set_peers(addresses({&low, &high}));
  high.set_peers(addresses({&low, &high}));
  for (std::size_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(low.recorder(i).wait_for(Kind::kSession, 3));
    std::set<PeerShard> seen;
    for (const PeerEvent& event : low.recorder(i).events(Kind::kSession)) {
      seen.insert(event.peer);
      EXPECT_EQ(event.hello, (PeerHello{uuid_of(0), NodeId(2), uuid_of(2), 6, 3}));
    }
    EXPECT_THAT(seen, ElementsAre(high.shard(0), high.shard(1), high.shard(2)));
  }
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(high.recorder(i).wait_for(Kind::kSession, 2));
    EXPECT_EQ(high.recorder(i).events(Kind::kSession)[0].hello,
              (PeerHello{uuid_of(0), NodeId(1), uuid_of(1), 5, 2}));
  }
  // Each message takes its own pair.
  for (std::uint32_t i = 0; i < 3; ++i) {
    for (std::uint32_t k = 0; k < 2; ++k) {
      EXPECT_TRUE(high.send(i, low.shard(k), {std::to_string(i) + ">" + std::to_string(k), {}}));
    }
  }
  for (std::uint32_t k = 0; k < 2; ++k) {
    ASSERT_TRUE(low.recorder(k).wait_for(Kind::kMessage, 3));
    for (const PeerEvent& event : low.recorder(k).events(Kind::kMessage)) {
      EXPECT_EQ(event.message.header, std::to_string(event.peer.shard) + ">" + std::to_string(k));
    }
  }
}

TEST(PeerTransport, ThreeNodesSeeEachOther) {
  PeerNode one({.id = 1, .shards = 1});
  PeerNode two({.id = 2, .shards = 2});
  PeerNode three({.id = 3, .shards = 1});
  for (PeerNode* node : {&one, &two, &three}) node->set_peers(addresses({&one, &two, &three}));
  EXPECT_TRUE(one.recorder(0).wait_for(Kind::kSession, 3));
  EXPECT_TRUE(two.recorder(0).wait_for(Kind::kSession, 2));
  EXPECT_TRUE(two.recorder(1).wait_for(Kind::kSession, 2));
  EXPECT_TRUE(three.recorder(0).wait_for(Kind::kSession, 3));
}

TEST(PeerTransport, MessagesOfAllSizesArriveWholeAndInOrderBothWays) {
  PeerNode low({.id = 1});
  PeerNode high({.id = 2});
  std::vector<PeerMessage> messages;
  const std::vector<std::size_t> sizes = {0,         1,         2'048,    2'049,         (16U << 10) - 1,
                                          16U << 10, 64U << 10, 1U << 20, (1U << 20) + 7};
  for (const std::size_t size : sizes) messages.push_back({"", {piece_of(size, size)}});
  for (const std::size_t size : sizes) messages.push_back({std::string(size, 'h'), {}});
  for (const std::size_t size : sizes) {
    messages.push_back({"mixed", {piece_of(3, 1), piece_of(size, 2), {}, piece_of(size / 2, 3)}});
  }
  PeerMessage many{"many pieces", {}};
  for (std::size_t i = 0; i < 5'000; ++i) many.pieces.push_back(piece_of(i % 700, i));
  messages.push_back(many);
  messages.push_back({"", {}});

  const std::size_t count = messages.size();
  Pump from_low(low, 0, high.shard(0), messages);
  Pump from_high(high, 0, low.shard(0), messages);
  const auto pump_on = [](Pump& pump) {
    return [&pump](const PeerEvent& event) {
      if (event.kind == Kind::kSession || event.kind == Kind::kRoom) pump.run();
    };
  };
  low.recorder(0).set_hook(pump_on(from_low));
  high.recorder(0).set_hook(pump_on(from_high));
  high.set_peers(addresses({&low}));
  for (PeerNode* node : {&low, &high}) {
    ASSERT_TRUE(node->recorder(0).wait_for(Kind::kMessage, count));
    const std::vector<PeerEvent> arrived = node->recorder(0).events(Kind::kMessage);
    ASSERT_EQ(arrived.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_TRUE(same(arrived[i].message, messages[i])) << "message " << i;
      for (const SharedBytes& piece : arrived[i].message.pieces) {
        EXPECT_EQ(piece.retained_bytes(), piece.size()) << "a buffer of its own, no larger than it";
      }
    }
    EXPECT_EQ(node->recorder(0).count(Kind::kEnd), 0U);
  }
  low.stop();
  high.stop();
}

TEST(PeerTransport, ALongMixedStreamArrivesUnchanged) {
  PeerNode low({.id = 1});
  PeerNode high({.id = 2});
  std::mt19937_64 random(20'260'101);
  std::vector<PeerMessage> messages;
  for (std::size_t i = 0; i < 4'000; ++i) {
    PeerMessage message{std::string(random() % 200, static_cast<char>('a' + i % 26)), {}};
    const std::size_t pieces = random() % 4;
    for (std::size_t k = 0; k < pieces; ++k) {
      const std::size_t magnitude = std::size_t{1} << (random() % 18);
      message.pieces.push_back(piece_of(random() % magnitude, random()));
    }
    messages.push_back(std::move(message));
  }
  Pump pump(high, 0, low.shard(0), messages);
  high.recorder(0).set_hook([&](const PeerEvent& event) {
    if (event.kind == Kind::kSession || event.kind == Kind::kRoom) pump.run();
  });
  high.set_peers(addresses({&low}));
  ASSERT_TRUE(low.recorder(0).wait_for(Kind::kMessage, messages.size()));
  const std::vector<PeerEvent> arrived = low.recorder(0).events(Kind::kMessage);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    ASSERT_TRUE(same(arrived[i].message, messages[i])) << "message " << i;
    bytes += messages[i].bytes() + 16 + 4 * messages[i].pieces.size();
  }
  const PeerStats received = low.stats(0, high.shard(0));
  EXPECT_EQ(received.messages_received, messages.size());
  const PeerStats sent = high.stats(0, low.shard(0));
  EXPECT_EQ(sent.messages_sent, messages.size());
  EXPECT_EQ(sent.bytes_sent, bytes);
  EXPECT_EQ(sent.sessions, 1U);
  EXPECT_EQ(sent.queue_bytes, 0U);
  high.stop();
}

TEST(PeerTransport, TheLargestMessagePassesAndALargerOneEndsTheSession) {
  PeerNode low({.id = 1});
  PeerNode high({.id = 2});
  low.set_peers(addresses({&high}));
  high.set_peers(addresses({&low}));
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kSession, 1));
  const PeerMessage largest{"", {piece_of(kPeerMessageBytesMax, 1)}};
  bool all = true;
  high.on_shard(0, [&] {
    PeerTransport& transport = high.transport(0);
    EXPECT_EQ(transport.room(low.shard(0)), kPeerQueueBytes);
    all = transport.send(low.shard(0), largest);
    EXPECT_EQ(transport.room(low.shard(0)), 0U);
    // Votes and answers do not wait behind it for room.
    for (int i = 0; i < 100; ++i) all = transport.send(low.shard(0), {"small", {}}) && all;
  });
  EXPECT_TRUE(all);
  ASSERT_TRUE(low.recorder(0).wait_for(Kind::kMessage, 101));
  EXPECT_TRUE(same(low.recorder(0).events(Kind::kMessage)[0].message, largest));
  EXPECT_FALSE(high.send(0, low.shard(0), {"x", largest.pieces}));
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kEnd, 1));
  EXPECT_THAT(high.recorder(0).events(Kind::kEnd)[0].error.context, HasSubstr("too large"));
  EXPECT_TRUE(high.recorder(0).wait_for(Kind::kSession, 2)) << "the next session begins by itself";
  PeerMessage crowd{"", std::vector<SharedBytes>(kPeerPiecesMax + 1)};
  EXPECT_FALSE(high.send(0, low.shard(0), crowd));
  crowd.pieces.pop_back();
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kSession, 3));
  EXPECT_TRUE(high.send(0, low.shard(0), crowd));
  ASSERT_TRUE(low.recorder(0).wait_for(Kind::kMessage, 102));
  EXPECT_EQ(low.recorder(0).events(Kind::kMessage)[101].message.pieces.size(), kPeerPiecesMax);
}

TEST(PeerTransport, ANodeThatComesBackIsFoundAgainWithItsNewShards) {
  auto low = std::make_unique<PeerNode>(PeerNode::Options{.id = 1, .shards = 3, .incarnation = 1});
  const PeerAddress address = low->address();
  PeerNode high({.id = 2, .shards = 1});
  high.set_peers({{NodeId(1), address}});
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kSession, 3));
  low.reset();
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kEnd, 3));
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kUnreachable, 1));
  const PeerEvent told = high.recorder(0).events(Kind::kUnreachable)[0];
  EXPECT_EQ(told.peer.node, NodeId(1));
  EXPECT_EQ(told.error.code, ErrorCode::kUnavailable);
  EXPECT_FALSE(high.send(0, {NodeId(1), 0}, {"nobody there", {}}));

  low = std::make_unique<PeerNode>(
      PeerNode::Options{.id = 1, .shards = 2, .incarnation = 2, .port = address.port});
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kSession, 5));
  EXPECT_EQ(high.recorder(0).events(Kind::kSession)[4].hello.incarnation, 2U);
  for (std::uint32_t i = 0; i < 2; ++i) EXPECT_TRUE(high.send(0, {NodeId(1), i}, {"again", {}}));
  EXPECT_FALSE(high.send(0, {NodeId(1), 2}, {"again", {}}));
  for (std::size_t i = 0; i < 2; ++i) ASSERT_TRUE(low->recorder(i).wait_for(Kind::kMessage, 1));
}

TEST(PeerTransport, AnUnreachablePeerIsToldOnceUntilItChanges) {
  PeerAddress free_port;
  {
    const PeerNode gone({.id = 1});
    free_port = gone.address();
  }
  PeerNode high({.id = 2, .cluster = 7});
  high.set_peers({{NodeId(1), free_port}});
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kUnreachable, 1));
  // The same address, now with one who refuses; before that it may have said that it is starting.
  PeerNode other({.id = 1, .cluster = 8, .port = free_port.port});
  ASSERT_TRUE(high.recorder(0).wait_for_event(
      [](const PeerEvent& event) { return event.error.code == ErrorCode::kFailedPrecondition; }));
  const std::vector<PeerEvent> told = high.recorder(0).events(Kind::kUnreachable);
  EXPECT_THAT(told.front().error.context, HasSubstr("refused"));
  EXPECT_THAT(told.back().error.context, HasSubstr("belongs to cluster"));
  // Several more attempts, and not a word about them.
  telemetry::LogCapture log;
  while (log.count_of("peer not reached") < 3) std::this_thread::yield();
  EXPECT_EQ(log.count_of("peer unreachable"), 0U);
  EXPECT_EQ(high.recorder(0).count(Kind::kUnreachable), told.size());
  EXPECT_EQ(high.recorder(0).count(Kind::kSession), 0U);
}

TEST(PeerTransport, ANameIsLookedUp) {
  PeerNode low({.id = 1});
  PeerNode high({.id = 2});
  high.set_peers({{NodeId(1), {"localhost", low.address().port}}});
  EXPECT_TRUE(high.recorder(0).wait_for(Kind::kSession, 1));
}

TEST(PeerTransport, ANameWithoutAnAddressIsUnreachable) {
  PeerNode high({.id = 2});
  high.set_peers({{NodeId(1), {"a name with blanks", 7401}}});
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kUnreachable, 1));
  EXPECT_THAT(high.recorder(0).events(Kind::kUnreachable)[0].error.context, HasSubstr("a name with blanks"));
}

TEST(PeerTransport, ANodeThatKnowsNobodyIsReachedByOneWithAHigherId) {
  PeerNode low({.id = 1, .cluster = 3});
  PeerNode joining({.id = 9});
  joining.set_peers(addresses({&low}));
  ASSERT_TRUE(low.recorder(0).wait_for(Kind::kSession, 1));
  EXPECT_TRUE(low.recorder(0).events(Kind::kSession)[0].hello.cluster.is_nil());
  low.set_peers(addresses({&joining}));
  EXPECT_TRUE(low.send(0, joining.shard(0), {"welcome", {}})) << "its session goes on";
  EXPECT_TRUE(joining.recorder(0).wait_for(Kind::kMessage, 1));
}

TEST(PeerTransport, ARemovedNodeIsRefusedUntilItIsAPeerAgain) {
  PeerNode low({.id = 1});
  PeerNode high({.id = 2});
  low.set_peers(addresses({&high}));
  high.set_peers(addresses({&low}));
  ASSERT_TRUE(low.recorder(0).wait_for(Kind::kSession, 1));
  low.set_peers({});
  ASSERT_TRUE(low.recorder(0).wait_for(Kind::kEnd, 1));
  EXPECT_TRUE(wait_for_unreachable(high, "no peer of node 1 any more"));
  EXPECT_EQ(low.recorder(0).count(Kind::kSession), 1U);
  low.set_peers(addresses({&high}));
  ASSERT_TRUE(low.recorder(0).wait_for(Kind::kSession, 2));
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kSession, 2));
  high.set_peers({});
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kEnd, 2));
  EXPECT_TRUE(low.recorder(0).wait_for(Kind::kEnd, 2));
}

TEST(PeerTransport, SessionsOfAnotherClusterEndWhenTheNodeJoinsOne) {
  PeerNode low({.id = 1});
  PeerNode high({.id = 2, .cluster = 5});
  high.set_peers(addresses({&low}));
  ASSERT_TRUE(low.recorder(0).wait_for(Kind::kSession, 1));
  low.say_hello(6);
  ASSERT_TRUE(low.recorder(0).wait_for(Kind::kEnd, 1));
  EXPECT_TRUE(wait_for_unreachable(high, "belongs to cluster"));
}

TEST(PeerTransport, NothingOfAnEndedSessionArrivesInTheNextOne) {
  PeerNode low({.id = 1});
  PeerNode high({.id = 2});
  high.set_peers(addresses({&low}));
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kSession, 1));
  high.on_shard(0, [&] {
    PeerTransport& transport = high.transport(0);
    EXPECT_TRUE(transport.send(low.shard(0), {"in the turn of the end", {}}));
    transport.end_session(low.shard(0), Error{ErrorCode::kUnavailable, "the test wants it"});
    EXPECT_EQ(high.recorder(0).count(Kind::kEnd), 0U) << "never inside the call";
    EXPECT_FALSE(transport.send(low.shard(0), {"behind the end", {}}));
    EXPECT_EQ(transport.room(low.shard(0)), 0U);
    transport.end_session(low.shard(0), Error{ErrorCode::kUnavailable, "again"});
  });
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kSession, 2));
  EXPECT_TRUE(high.send(0, low.shard(0), {"new", {}}));
  ASSERT_TRUE(low.recorder(0).wait_for(Kind::kMessage, 1));
  const std::vector<PeerEvent> seen = low.recorder(0).events();
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen[1].kind, Kind::kEnd);
  EXPECT_EQ(seen[2].kind, Kind::kSession);
  EXPECT_EQ(seen[3].message.header, "new");
  EXPECT_EQ(high.recorder(0).events(Kind::kEnd)[0].error.context, "the test wants it");
  EXPECT_EQ(high.recorder(0).count(Kind::kEnd), 1U);
}

TEST(PeerTransport, AListenerMayEndSessionsAndChangePeersWithinItsCallbacks) {
  PeerNode low({.id = 1});
  PeerNode high({.id = 2});
  high.recorder(0).set_hook([&](const PeerEvent& event) {
    PeerTransport& transport = high.transport(0);
    const Error why{ErrorCode::kUnavailable, "hook"};
    if (event.kind == Kind::kMessage) transport.end_session(event.peer, why);
    if (event.kind == Kind::kEnd && high.recorder(0).count(Kind::kEnd) == 1) transport.set_peers({});
    if (event.kind == Kind::kEnd && high.recorder(0).count(Kind::kEnd) == 1) {
      transport.set_peers({{NodeId(1), low.address()}});
    }
    if (event.kind == Kind::kSession && high.recorder(0).count(Kind::kSession) == 2) transport.set_peers({});
  });
  high.set_peers(addresses({&low}));
  ASSERT_TRUE(low.recorder(0).wait_for(Kind::kSession, 1));
  low.on_shard(0, [&] {
    for (int i = 0; i < 10; ++i) static_cast<void>(low.transport(0).send(high.shard(0), {"end it", {}}));
  });
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kEnd, 2));
  EXPECT_EQ(high.recorder(0).count(Kind::kMessage), 1U) << "the rest of the ended session is dropped";
}

TEST(PeerTransport, DestructionWithTrafficInFlightIsQuiet) {
  const PeerMessage message{"traffic", {piece_of(64U << 10, 1), piece_of(100, 2)}};
  for (int round = 0; round < 5; ++round) {
    PeerNode low({.id = 1, .shards = 2});
    auto high = std::make_unique<PeerNode>(PeerNode::Options{.id = 2, .shards = 2});
    const auto chatter = [&](PeerNode& node, std::size_t shard) {
      node.recorder(shard).set_hook([&message, &transport = node.transport(shard)](const PeerEvent& event) {
        if (event.kind == Kind::kEnd) return;
        for (int i = 0; i < 3 && transport.room(event.peer) > (1U << 20); ++i) {
          static_cast<void>(transport.send(event.peer, message));
        }
      });
    };
    for (std::size_t shard = 0; shard < 2; ++shard) {
      chatter(low, shard);
      chatter(*high, shard);
    }
    high->set_peers(addresses({&low}));
    ASSERT_TRUE(low.recorder(1).wait_for(Kind::kSession, 2));
    ASSERT_TRUE(low.recorder(1).wait_for(Kind::kMessage, 20));
    high.reset();
    ASSERT_TRUE(low.recorder(1).wait_for(Kind::kEnd, 2));
  }
}

TEST(PeerTransport, WhatArrivesWhenNobodyListensAnyMoreIsDropped) {
  PeerNode low({.id = 1});
  PeerNode high({.id = 2});
  high.set_peers(addresses({&low}));
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kSession, 1));
  high.on_shard(0, [&] { high.transport(0).set_listener(nullptr); });
  constexpr int kMessages = 10;
  for (int i = 0; i < kMessages; ++i) low.send(0, high.shard(0), {"late", {piece_of(1000, 1)}});
  // Until all of them have come; then the session ends, which nobody hears of either.
  while (high.stats(0, low.shard(0)).messages_received < kMessages) {
  }
  low.stop();
  EXPECT_EQ(high.recorder(0).count(Kind::kMessage), 0U);
}

TEST(PeerTransport, AnAddressInUseIsRefusedByName) {
  PeerNode one({.id = 1});
  runtime::ShardGroup group(1);
  runtime::SystemRng rng;
  const auto second = PeerNetwork::listen(one.address(), {&group.at(0)}, rng);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(second.error().context, HasSubstr("127.0.0.1:" + std::to_string(one.address().port)));
}

}  // namespace

}  // namespace forebay::io
