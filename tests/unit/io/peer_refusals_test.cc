// The real transport against peers that are wrong, slow, or from somewhere else: what it refuses, and that
// nothing else suffers from it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/crc32c.h"
#include "peer_node.h"
#include "raw_peer.h"

namespace forebay::io {

namespace {

using Kind = PeerEvent::Kind;
using model::NodeId;
using ::testing::HasSubstr;

// What node 9 says to shard 0 of node 1.
PeerHandshake hello_of_nine() {
  PeerHandshake handshake;
  handshake.hello = {uuid_of(0), NodeId(9), uuid_of(9), 4, 2};
  handshake.to_node = NodeId(1);
  handshake.from_shard = 1;
  handshake.attempt = 100;
  return handshake;
}
constexpr PeerShard kNine{NodeId(9), 1};

// Begins a session by hand.
void greet(RawPeer& peer, const PeerHandshake& hello) {
  peer.send(hello);
  const auto answer = peer.read_handshake();
  ASSERT_TRUE(answer.has_value());
  ASSERT_EQ(answer->kind, PeerHandshakeKind::kAccepted) << answer->reason;
}

TEST(PeerRefusals, AHelloIsAnsweredWithWhoWeAre) {
  PeerNode node({.id = 1, .shards = 3, .incarnation = 6, .cluster = 2});
  RawPeer peer(node.address());
  peer.send(hello_of_nine());
  const auto answer = peer.read_handshake();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->kind, PeerHandshakeKind::kAccepted);
  EXPECT_EQ(answer->hello, (PeerHello{uuid_of(2), NodeId(1), uuid_of(1), 6, 3}));
  EXPECT_EQ(answer->to_node, NodeId(9));
  EXPECT_EQ(answer->from_shard, 0U);
  EXPECT_EQ(answer->to_shard, 1U);
  EXPECT_EQ(answer->attempt, 100U);
  EXPECT_EQ(answer->version_min, 1);
  EXPECT_EQ(answer->version_max, 1);
}

TEST(PeerRefusals, EveryHelloThatCannotBeIsRefusedWithItsReason) {
  struct Case {
    PeerRefusal want;
    const char* says;
    std::function<void(PeerHandshake&)> change;
  };
  const std::vector<Case> cases = {
      {PeerRefusal::kOtherCluster, "belongs to cluster",
       [](PeerHandshake& h) { h.hello.cluster = uuid_of(3); }},
      {PeerRefusal::kWrongNode, "node 5 was meant, this is node 1",
       [](PeerHandshake& h) { h.to_node = NodeId(5); }},
      {PeerRefusal::kSameNode, "leads back", [](PeerHandshake& h) { h.hello.node = NodeId(1); }},
      {PeerRefusal::kVersion, "versions 1 to 1", [](PeerHandshake& h) { h.version_min = h.version_max = 2; }},
      {PeerRefusal::kNoSuchShard, "no shard 3", [](PeerHandshake& h) { h.to_shard = 3; }},
      {PeerRefusal::kWrongSide, "higher id dials", [](PeerHandshake& h) { h.hello.node = NodeId(0); }},
  };
  PeerNode node({.id = 1, .shards = 3, .cluster = 2});
  for (const Case& c : cases) {
    RawPeer peer(node.address());
    PeerHandshake hello = hello_of_nine();
    c.change(hello);
    peer.send(hello);
    const auto answer = peer.read_handshake();
    ASSERT_TRUE(answer.has_value()) << c.says;
    EXPECT_EQ(answer->kind, PeerHandshakeKind::kRefused);
    EXPECT_EQ(answer->refusal, c.want) << answer->reason;
    EXPECT_THAT(answer->reason, HasSubstr(c.says));
    EXPECT_TRUE(peer.sees_close());
  }
  EXPECT_EQ(node.recorder(0).count(Kind::kSession), 0U);
}

TEST(PeerRefusals, ANodeThatIsStartingSaysSo) {
  PeerNode node({.id = 1, .says_hello = false});
  RawPeer peer(node.address());
  peer.send(hello_of_nine());
  const auto answer = peer.read_handshake();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->refusal, PeerRefusal::kNotReady);
}

TEST(PeerRefusals, ANewerSessionReplacesTheOlderOneAndNotTheOtherWayRound) {
  struct Case {
    const char* what;
    std::function<void(PeerHandshake&)> change;
    bool replaces;
  };
  const std::vector<Case> cases = {
      {"later attempt", [](PeerHandshake& h) { ++h.attempt; }, true},
      {"same attempt", [](PeerHandshake&) {}, false},
      {"earlier attempt", [](PeerHandshake& h) { --h.attempt; }, false},
      {"later start", [](PeerHandshake& h) { ++h.hello.incarnation, h.attempt = 1; }, true},
      {"earlier start", [](PeerHandshake& h) { --h.hello.incarnation, h.attempt = 900; }, false},
      {"another disk", [](PeerHandshake& h) { h.hello.disk = uuid_of(77), h.hello.incarnation = 1; }, true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    PeerNode node({.id = 1});
    RawPeer older(node.address());
    greet(older, hello_of_nine());
    ASSERT_TRUE(node.recorder(0).wait_for(Kind::kSession, 1));
    RawPeer newer(node.address());
    PeerHandshake hello = hello_of_nine();
    c.change(hello);
    newer.send(hello);
    const auto answer = newer.read_handshake();
    ASSERT_TRUE(answer.has_value());
    if (c.replaces) {
      EXPECT_EQ(answer->kind, PeerHandshakeKind::kAccepted);
      ASSERT_TRUE(node.recorder(0).wait_for(Kind::kSession, 2));
      const std::vector<PeerEvent> events = node.recorder(0).events();
      EXPECT_EQ(events[1].kind, Kind::kEnd) << "the old one ends before the new one begins";
      EXPECT_THAT(events[1].error.context, HasSubstr("newer session"));
      EXPECT_TRUE(older.sees_close());
      EXPECT_TRUE(node.send(0, kNine, {"to the newer one", {}}));
      EXPECT_EQ(newer.read_message()->header, "to the newer one");
    } else {
      EXPECT_EQ(answer->refusal, PeerRefusal::kStale);
      EXPECT_TRUE(node.send(0, kNine, {"to the older one", {}}));
      EXPECT_EQ(older.read_message()->header, "to the older one");
      EXPECT_EQ(node.recorder(0).count(Kind::kEnd), 0U);
    }
  }
}

TEST(PeerRefusals, TheUnreadRestOfAReplacedSessionIsDropped) {
  PeerNode node({.id = 1});
  std::promise<void> first_seen;
  std::promise<void> go_on;
  node.recorder(0).set_hook([&](const PeerEvent& event) {
    if (event.kind != Kind::kMessage || event.message.header != "first") return;
    first_seen.set_value();
    go_on.get_future().wait();
  });
  RawPeer older(node.address());
  greet(older, hello_of_nine());
  older.send(PeerMessage{"first", {}});
  first_seen.get_future().wait();
  // The shard hangs in the first message. What comes meanwhile is not read before the newer session is there.
  older.send(PeerMessage{"second", {}});
  RawPeer newer(node.address());
  PeerHandshake hello = hello_of_nine();
  ++hello.attempt;
  newer.send(hello);
  newer.send(PeerMessage{"third", {}});
  go_on.set_value();
  ASSERT_TRUE(node.recorder(0).wait_for(Kind::kSession, 2));
  const auto is_third = [](const PeerEvent& event) { return event.message.header == "third"; };
  while (true) {
    const std::vector<PeerEvent> messages = node.recorder(0).events(Kind::kMessage);
    if (std::any_of(messages.begin(), messages.end(), is_third)) break;
    ASSERT_TRUE(node.recorder(0).wait_for(Kind::kMessage, messages.size() + 1));
  }
  bool newer_began = false;
  for (const PeerEvent& event : node.recorder(0).events()) {
    if (event.kind == Kind::kEnd) newer_began = true;
    if (event.kind == Kind::kMessage) {
      EXPECT_EQ(event.message.header == "third", newer_began);
    }
  }
  node.stop();
}

TEST(PeerRefusals, DamageEndsTheSessionItIsInAndNoOther) {
  struct Case {
    const char* what;
    std::vector<std::byte> bytes;
    const char* says;
  };
  std::vector<std::byte> good;
  const PeerMessage message{"header", {SharedBytes::take(std::string("piece"))}};
  encode_prefix(message, good);
  const ByteSpan header = as_bytes(message.header);
  good.insert(good.end(), header.begin(), header.end());
  std::vector<std::byte> bad_prefix = good;
  bad_prefix[5] ^= std::byte{1};
  std::vector<std::byte> bad_header = good;
  bad_header.back() ^= std::byte{1};
  std::vector<std::byte> insane(kMessagePrefixBytes);
  store_le(insane.data() + 4, std::uint32_t{0xffffffff});
  store_le(insane.data(), crc32c(ByteSpan(insane).subspan(4)));
  std::vector<std::byte> noise(100'000);
  std::mt19937 random(7);
  for (std::byte& byte : noise) byte = static_cast<std::byte>(random());
  const std::vector<Case> cases = {{"prefix", bad_prefix, "checksum of a message's prefix"},
                                   {"header", bad_header, "checksum of a message's header"},
                                   {"length", insane, "4294967295 bytes"},
                                   {"noise", noise, "checksum of a message's prefix"},
                                   {"zeros", std::vector<std::byte>(64), "checksum of a message's prefix"}};
  PeerNode node({.id = 1});
  PeerNode high({.id = 2});
  high.set_peers({{NodeId(1), node.address()}});
  ASSERT_TRUE(node.recorder(0).wait_for(Kind::kSession, 1));
  std::size_t ends = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    RawPeer peer(node.address());
    greet(peer, hello_of_nine());
    peer.send(PeerMessage{"sound", {}});
    peer.send(c.bytes);
    EXPECT_TRUE(peer.sees_close());
    ASSERT_TRUE(node.recorder(0).wait_for(Kind::kEnd, ++ends));
    const PeerEvent end = node.recorder(0).events(Kind::kEnd).back();
    EXPECT_EQ(end.peer, kNine);
    EXPECT_THAT(end.error.context, HasSubstr(c.says));
    EXPECT_EQ(node.recorder(0).count(Kind::kMessage), ends) << "what came whole before it";
  }
  EXPECT_TRUE(high.send(0, node.shard(0), {"still there", {}}));
  ASSERT_TRUE(node.recorder(0).wait_for(Kind::kMessage, ends + 1));
  EXPECT_EQ(high.recorder(0).count(Kind::kEnd), 0U);
}

TEST(PeerRefusals, APeerThatEndsWithinAMessageIsToldSo) {
  PeerNode node({.id = 1});
  {
    RawPeer peer(node.address());
    greet(peer, hello_of_nine());
    std::vector<std::byte> part;
    encode_prefix({"header", {SharedBytes::take(std::string(40'000, 'x'))}}, part);
    peer.send(part);
  }
  ASSERT_TRUE(node.recorder(0).wait_for(Kind::kEnd, 1));
  EXPECT_THAT(node.recorder(0).events(Kind::kEnd)[0].error.context, HasSubstr("within a message"));
  EXPECT_EQ(node.recorder(0).count(Kind::kMessage), 0U);
}

TEST(PeerRefusals, MessagesInTheSmallestPossibleStepsArriveWhole) {
  PeerNode node({.id = 1});
  RawPeer peer(node.address());
  std::vector<std::byte> bytes = encode_handshake(hello_of_nine());
  const PeerMessage message{"header",
                            {SharedBytes::take(std::string("ab")), {}, SharedBytes::take(std::string("c"))}};
  encode_prefix(message, bytes);
  for (const char c : std::string("headerabc")) bytes.push_back(static_cast<std::byte>(c));
  for (const std::byte byte : bytes) peer.send(ByteSpan(&byte, 1));
  ASSERT_TRUE(node.recorder(0).wait_for(Kind::kMessage, 1));
  const PeerMessage arrived = node.recorder(0).events(Kind::kMessage)[0].message;
  EXPECT_EQ(arrived.header, "header");
  ASSERT_EQ(arrived.pieces.size(), 3U);
  EXPECT_EQ(as_text(arrived.pieces[0].span()), "ab");
  EXPECT_EQ(as_text(arrived.pieces[2].span()), "c");
}

TEST(PeerRefusals, WhatIsNoHandshakeIsClosedAtOnce) {
  PeerNode node({.id = 1});
  std::vector<std::byte> answer_first = encode_handshake([] {
    PeerHandshake handshake = hello_of_nine();
    handshake.kind = PeerHandshakeKind::kAccepted;
    return handshake;
  }());
  std::vector<std::byte> bad_crc = encode_handshake(hello_of_nine());
  bad_crc.back() ^= std::byte{1};
  std::vector<std::byte> long_one = encode_handshake(hello_of_nine());
  store_le(long_one.data() + 12, std::uint16_t{60'000});
  const std::string http = "GET / HTTP/1.1\r\nHost: forebay\r\n\r\n";
  for (const ByteSpan bytes :
       {ByteSpan(answer_first), ByteSpan(bad_crc), ByteSpan(long_one), as_bytes(http)}) {
    RawPeer peer(node.address());
    peer.send(bytes);
    EXPECT_TRUE(peer.sees_close());
  }
  RawPeer peer(node.address());
  greet(peer, hello_of_nine());
}

TEST(PeerRefusals, ManyHalfHandshakesKeepNobodyOut) {
  PeerNode node({.id = 1});
  std::vector<std::unique_ptr<RawPeer>> silent;
  for (std::size_t i = 0; i < 100; ++i) {
    silent.push_back(std::make_unique<RawPeer>(node.address()));
    silent.back()->send(ByteSpan(encode_handshake(hello_of_nine())).first(i % 30));
  }
  EXPECT_TRUE(silent.front()->sees_close()) << "pushed out by a later one";
  PeerNode high({.id = 2});
  high.set_peers({{NodeId(1), node.address()}});
  EXPECT_TRUE(high.recorder(0).wait_for(Kind::kSession, 1));
  EXPECT_TRUE(silent.back()->sees_close()) << "by its deadline";
}

TEST(PeerRefusals, APeerThatDoesNotAnswerIsUnreachable) {
  // Listens, but nobody accepts: the kernel takes the connection.
  const SocketHandle deaf = listen_for_peers({"127.0.0.1", 0}).value();
  PeerNode high({.id = 2});
  high.set_peers({{NodeId(1), {"127.0.0.1", port_of(deaf)}}});
  ASSERT_TRUE(high.recorder(0).wait_for(Kind::kUnreachable, 1));
  EXPECT_THAT(high.recorder(0).events(Kind::kUnreachable)[0].error.context,
              HasSubstr("took more than 2000 ms"));
}

TEST(PeerRefusals, ASlowReaderIsWaitedForAndToldOfRoom) {
  PeerNode node({.id = 1});
  RawPeer peer(node.address(), 16 << 10);
  greet(peer, hello_of_nine());
  ASSERT_TRUE(node.recorder(0).wait_for(Kind::kSession, 1));
  const PeerMessage message{"append", {SharedBytes::take(std::string(300'000, 'p'))}};
  std::size_t sent = 0;
  // Until the network takes no more and the queue is full.
  for (bool full = false; !full;) {
    node.on_shard(0, [&] {
      PeerTransport& transport = node.transport(0);
      full = transport.room(kNine) < peer_room_wanted(message.bytes());
      if (!full) sent += transport.send(kNine, message) ? 1 : 0;
    });
  }
  const std::size_t told = node.recorder(0).count(Kind::kRoom);
  EXPECT_GT(node.stats(0, kNine).queue_bytes, kPeerQueueBytes - message.bytes());
  for (std::size_t i = 0; i < sent; ++i) {
    const auto arrived = peer.read_message();
    ASSERT_TRUE(arrived.has_value());
    ASSERT_EQ(as_text(arrived->pieces.at(0).span()), as_text(message.pieces[0].span()));
  }
  ASSERT_TRUE(node.recorder(0).wait_for(Kind::kRoom, told + 1));
  node.on_shard(0, [&] { EXPECT_GE(node.transport(0).room(kNine), kPeerQueueBytes / 2); });
  EXPECT_EQ(node.recorder(0).count(Kind::kRoom), told + 1) << "once";
  EXPECT_EQ(node.recorder(0).count(Kind::kEnd), 0U);
}

TEST(PeerRefusals, APeerThatNeverReadsLosesItsSession) {
  PeerNode node({.id = 1});
  RawPeer peer(node.address(), 16 << 10);
  greet(peer, hello_of_nine());
  ASSERT_TRUE(node.recorder(0).wait_for(Kind::kSession, 1));
  const PeerMessage vote{std::string(10'000, 'v'), {}};
  std::size_t most = 0;
  bool there = true;
  for (std::size_t i = 0; there && i < 100'000; ++i) {
    there = node.send(0, kNine, vote);
    most = std::max<std::size_t>(most, node.stats(0, kNine).queue_bytes);
  }
  EXPECT_FALSE(there);
  EXPECT_GT(most, kPeerQueueBytes);
  EXPECT_LE(most, kPeerQueueBytes + kPeerQueueSlackBytes);
  ASSERT_TRUE(node.recorder(0).wait_for(Kind::kEnd, 1));
  EXPECT_EQ(node.recorder(0).events(Kind::kEnd)[0].error.code, ErrorCode::kResourceExhausted);
}

TEST(PeerRefusals, PiecesThatDoNotWaitForRoomCostTheSession) {
  PeerNode node({.id = 1});
  RawPeer peer(node.address(), 16 << 10);
  greet(peer, hello_of_nine());
  ASSERT_TRUE(node.recorder(0).wait_for(Kind::kSession, 1));
  const PeerMessage message{"append", {SharedBytes::take(std::string(1'000'000, 'p'))}};
  std::size_t sent = 0;
  while (node.send(0, kNine, message)) ASSERT_LT(++sent, 1'000U);
  ASSERT_TRUE(node.recorder(0).wait_for(Kind::kEnd, 1));
}

TEST(PeerRefusals, StrangersAreBounded) {
  PeerNode node({.id = 1});
  std::vector<std::unique_ptr<RawPeer>> strangers;
  for (std::uint32_t i = 0; i < 257; ++i) {
    PeerHandshake hello = hello_of_nine();
    hello.hello.node = NodeId(100 + i);
    strangers.push_back(std::make_unique<RawPeer>(node.address()));
    strangers.back()->send(hello);
    const auto answer = strangers.back()->read_handshake();
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->refusal, i < 256 ? PeerRefusal::kNone : PeerRefusal::kTooMany);
  }
  PeerNode high({.id = 2});
  node.set_peers({{NodeId(2), high.address()}});
  high.set_peers({{NodeId(1), node.address()}});
  EXPECT_TRUE(high.recorder(0).wait_for(Kind::kSession, 1)) << "a peer is no stranger";
}

}  // namespace

}  // namespace forebay::io
