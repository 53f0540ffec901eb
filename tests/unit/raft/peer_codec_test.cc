// Every kind of words there and back, and what arrives damaged.
#include "raft/peer_codec.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "log/core/control.h"

namespace forebay::raft {
namespace {

using model::LogPosition;
using model::NodeId;
using model::Offset;
using model::Term;

model::TopicPartition group() {
  model::TopicPartition id;
  id.topic.bytes[3] = 7;
  id.partition = model::PartitionIndex(5);
  return id;
}

log::FramePtr control_frame(LogPosition begin, Term term) {
  log::Frame frame;
  frame.payload = SharedBytes::take(log::encode_control(log::TermStart{NodeId(3)}));
  frame.header.partition = group();
  frame.header.kind = log::FrameKind::kControl;
  frame.header.begin = begin;
  frame.header.end = begin.after_control();
  frame.header.term = term;
  frame.header.append_time = model::Timestamp(1'000);
  frame.header.payload_bytes = static_cast<std::uint32_t>(frame.payload.size());
  frame.header.payload_crc = crc32c(frame.payload.span());
  return std::make_shared<const log::Frame>(std::move(frame));
}

Append an_append() {
  const LogPosition prev{Offset(9), 1};
  Append append{group(), {Term(4), prev, Term(3), {Offset(5), 0}, 8, {Offset(9), 0}}, {}};
  append.frames.push_back(control_frame(prev, Term(3)));
  append.frames.push_back(control_frame(prev.after_control(), Term(4)));
  return append;
}

Install an_install() {
  const log::Membership members{{{NodeId(1), {}}}, {}, {{NodeId(2), {}}}};
  return {{Term(4), {Offset(9), 1}, Term(3), {Offset(12), 0}, 8, {Offset(13), 0}},
          {{Offset(9), 1}, {Term(3), {Offset(2), 0}}, {{{Offset(2), 1}, members}}}};
}

template <typename T>
T round_trip(const T& words) {
  auto decoded = decode(encode(PeerWords(words)));
  EXPECT_TRUE(decoded) << decoded.error().to_string();
  return std::get<T>(std::move(*decoded));
}

TEST(PeerCodec, Heartbeat) {
  const auto words = round_trip(Heartbeat{12, 11, {.low_on_disk = false, .writes_stall = true}});
  EXPECT_EQ(words.sequence, 12U);
  EXPECT_EQ(words.echo, 11U);
  EXPECT_EQ(words.hardship, (Hardship{.low_on_disk = false, .writes_stall = true}));
}

TEST(PeerCodec, RepairRequest) {
  const RepairRequest request{group(), 7, Term(3), {Offset(10), 1}, {Offset(20), 0}};
  EXPECT_EQ(round_trip(request), request);
}

TEST(PeerCodec, RepairFramesFollowEachOther) {
  const LogPosition begin{Offset(10), 0};
  const auto first = control_frame(begin, Term(3)), second = control_frame(begin.after_control(), Term(3));
  const auto words = round_trip(RepairFrames{group(), 7, {Offset(4), 1}, {first, second}});
  EXPECT_EQ(words.id, 7U);
  EXPECT_EQ(words.log_start, (LogPosition{Offset(4), 1}));
  ASSERT_EQ(words.frames.size(), 2U);
  EXPECT_EQ(words.frames[1]->header, second->header);
  EXPECT_EQ(decode(encode(PeerWords(RepairFrames{group(), 7, {}, {second, first}}))).error().code,
            ErrorCode::kCorruptBatch);
  EXPECT_TRUE(round_trip(RepairFrames{group(), 7, {}, {}}).frames.empty());
}

TEST(PeerCodec, WhatIsLed) {
  const auto led = round_trip(Led{true, {{group(), Term(6)}}});
  EXPECT_TRUE(led.complete);
  ASSERT_EQ(led.groups.size(), 1U);
  EXPECT_EQ(led.groups[0].group, group());
  EXPECT_EQ(led.groups[0].term, Term(6));
  EXPECT_EQ(round_trip(Opened{{group()}}).groups, std::vector{group()});
  EXPECT_EQ(round_trip(Resigned{{{group(), Term(6)}}}).groups[0].term, Term(6));
}

TEST(PeerCodec, MessagesOfGroups) {
  const VoteRequest asked{true, Term(4), {Offset(7), 2}, Term(3), true};
  const VoteResponse vote{false, Term(4), true};
  const AppendResponse answer{Term(4),        {Offset(1), 1}, 3,       true, {Offset(2), 2},
                              {Offset(2), 1}, {Offset(1), 0}, Term(2), true};
  for (const Message& message : {Message(asked), Message(vote), Message(answer),
                                 Message(TransferNow{Term(9)}), Message(an_install())}) {
    const auto words = round_trip(GroupMessage{group(), message});
    EXPECT_EQ(words.group, group());
    EXPECT_EQ(words.message, message);
  }
}

TEST(PeerCodec, InstallThatContradictsItselfIsRefused) {
  const auto refused = [](const Install& install) {
    return !decode(encode(PeerWords(GroupMessage{group(), install})));
  };
  Install install = an_install();
  install.head.prev = install.base.begin.after_control();
  EXPECT_TRUE(refused(install)) << "it begins elsewhere";
  install = an_install();
  install.head.prev_term = Term(2);
  EXPECT_TRUE(refused(install)) << "behind another term";
  install = an_install();
  install.head.commit = {Offset(8), 0};
  EXPECT_TRUE(refused(install)) << "what lies below is not committed";
  install = an_install();
  install.base.memberships.front().first = install.base.begin;
  EXPECT_TRUE(refused(install)) << "members of what comes later";
}

TEST(PeerCodec, AppendKeepsItsFrames) {
  const Append append = an_append();
  const auto words = round_trip(append);
  EXPECT_EQ(words.group, append.group);
  EXPECT_EQ(words.head, append.head);
  ASSERT_EQ(words.frames.size(), 2U);
  EXPECT_EQ(words.frames[1]->header, append.frames[1]->header);
}

TEST(PeerCodec, RequestsAndAnswers) {
  EXPECT_EQ(round_trip(Request{7, "body"}).body, "body");
  EXPECT_EQ(*round_trip(Response{7, std::string("answer")}).body, "answer");
  const Error refused{ErrorCode::kNotLeader, "not here", 50};
  EXPECT_EQ(round_trip(Response{7, refused}).body.error(), refused);
}

TEST(PeerCodec, QuestionWhetherAReplicaIsOut) {
  const auto asked = round_trip(LeaveRequest{group(), 1ULL << 63});
  EXPECT_EQ(asked.group, group());
  EXPECT_EQ(asked.number, 1ULL << 63);
  const auto told = round_trip(LeaveResponse{group(), 5, Term(4), {Offset(7), 2}});
  EXPECT_EQ(told.group, group());
  EXPECT_EQ(told.number, 5U);
  EXPECT_EQ(told.term, Term(4));
  EXPECT_EQ(told.commit, (LogPosition{Offset(7), 2}));
}

TEST(PeerCodec, HowFarReplicasAreCompacted) {
  const auto one = round_trip(Compacted{group(), Term(4), {Offset(7), 2}});
  EXPECT_EQ(one.group, group());
  EXPECT_EQ(one.term, Term(4));
  EXPECT_EQ(one.compacted_to, (LogPosition{Offset(7), 2}));
  const auto all = round_trip(CompactedEverywhere{group(), Term(5), {Offset(6), 1}});
  EXPECT_EQ(all.group, group());
  EXPECT_EQ(all.term, Term(5));
  EXPECT_EQ(all.position, (LogPosition{Offset(6), 1}));
}

TEST(PeerCodec, EveryFlippedBitOfAFrameIsFound) {
  const io::PeerMessage good = encode(PeerWords(an_append()));
  const std::size_t frames_at = good.header.size() - 2 * log::kFrameHeaderBytes;
  for (std::size_t bit = frames_at * 8; bit < good.header.size() * 8; ++bit) {
    io::PeerMessage bad = good;
    bad.header[bit / 8] = static_cast<char>(bad.header[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(decode(bad)) << "bit " << bit;
  }
  for (std::size_t bit = 0; bit < good.pieces[0].size() * 8; ++bit) {
    io::PeerMessage bad = good;
    std::vector<std::byte> bytes(bad.pieces[0].span().begin(), bad.pieces[0].span().end());
    bytes[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    bad.pieces[0] = SharedBytes::take(std::move(bytes));
    EXPECT_FALSE(decode(bad)) << "bit " << bit;
  }
}

TEST(PeerCodec, WhatDoesNotFollowIsRefused) {
  Append append = an_append();
  std::swap(append.frames[0], append.frames[1]);
  EXPECT_FALSE(decode(encode(PeerWords(append))));
  append = an_append();
  append.head.term = Term(3);  // a frame of a later term than its leader
  EXPECT_FALSE(decode(encode(PeerWords(append))));
  io::PeerMessage fewer = encode(PeerWords(an_append()));
  fewer.pieces.pop_back();
  EXPECT_FALSE(decode(fewer));
}

TEST(PeerCodec, EveryCutAndEveryUnknownKindIsRefused) {
  const io::PeerMessage good = encode(PeerWords(an_append()));
  for (std::size_t size = 0; size < good.header.size(); ++size) {
    io::PeerMessage cut = good;
    cut.header.resize(size);
    EXPECT_FALSE(decode(cut)) << size;
  }
  io::PeerMessage longer = good;
  longer.header.push_back('\0');
  EXPECT_FALSE(decode(longer));
  io::PeerMessage unknown = good;
  unknown.header[0] = 99;
  EXPECT_EQ(decode(unknown).error().code, ErrorCode::kNewerFormat);
}

}  // namespace
}  // namespace forebay::raft
