#include "http/request_scan.h"

#include <gtest/gtest.h>

#include <random>

namespace forebay::http {
namespace {

constexpr std::size_t kHeadMax = 1'024;
constexpr std::size_t kBodyMax = 100;

// All that becomes of a request that is there as a whole.
struct Scanned {
  ScanState state = ScanState::kIncomplete;
  int status = 0;
  HeadScan head;
  std::string body;
  std::string rest;
};

Scanned scan(std::string text) {
  Scanned result;
  result.head = scan_head(text, kHeadMax);
  result.state = result.head.state;
  result.status = result.head.status;
  if (result.state != ScanState::kComplete) return result;
  text.erase(0, result.head.bytes);
  BodyReader reader(result.head, kBodyMax);
  result.state = reader.take(text);
  result.status = reader.status();
  result.body = reader.take_body();
  result.rest = text;
  return result;
}

TEST(RequestScan, EveryPrefixOfARequestIsIncompleteAndTheWholeIsNot) {
  const std::string request =
      "PUT /loglevel?level=debug HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
  for (std::size_t size = 0; size < request.size(); ++size) {
    EXPECT_EQ(scan(request.substr(0, size)).state, ScanState::kIncomplete) << size;
  }
  const Scanned scanned = scan(request + "GET /next");
  EXPECT_EQ(scanned.state, ScanState::kComplete);
  EXPECT_EQ(scanned.head.passed, "PUT /loglevel?level=debug HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(scanned.head.method, "PUT");
  EXPECT_EQ(scanned.head.target, "/loglevel?level=debug");
  EXPECT_EQ(scanned.body, "hello");
  EXPECT_EQ(scanned.rest, "GET /next");
}

TEST(RequestScan, OnlyHarmlessHeadersArePassedOn) {
  const Scanned scanned = scan(
      "GET / HTTP/1.1\r\nHost: h\r\nRange: bytes=0-,0-,0-\r\nExpect: 100-continue\r\nACCEPT-ENCODING: "
      "gzip\r\nX-Any: y\r\nContent-Type: text/x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(scanned.state, ScanState::kComplete);
  EXPECT_EQ(scanned.head.passed,
            "GET / HTTP/1.1\r\nHost: h\r\nACCEPT-ENCODING: gzip\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(scanned.head.expects_continue);
}

TEST(RequestScan, HeadersThatAreKeptAreJoinedAsTheyCome) {
  const HeadScan head = scan_head(
      "GET / HTTP/1.1\r\naccept: a/b\r\nContent-TYPE:  x/y \r\nAccept: c/d\r\nCookie: z\r\n\r\n", kHeadMax);
  EXPECT_EQ(head.headers,
            (std::map<std::string, std::string>{{"accept", "a/b, c/d"}, {"content-type", "x/y"}}));
}

TEST(RequestScan, AConnectionLivesAsTheVersionAndTheClientSay) {
  struct Case {
    std::string rest;
    bool keeps_alive;
  };
  for (const Case& c : {Case{"HTTP/1.1\r\n\r\n", true}, Case{"HTTP/1.1\r\nConnection: Close\r\n\r\n", false},
                        Case{"HTTP/1.1\r\nConnection: TE, close\r\n\r\n", false},
                        Case{"HTTP/1.1\r\nConnection: closed\r\n\r\n", true}, Case{"HTTP/1.0\r\n\r\n", false},
                        Case{"HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true}}) {
    EXPECT_EQ(scan_head("GET / " + c.rest, kHeadMax).keeps_alive, c.keeps_alive) << c.rest;
  }
}

TEST(RequestScan, BadRequestsAreRefusedWithTheirStatus) {
  struct Case {
    std::string text;
    int status;
  };
  std::string many_headers = "GET / HTTP/1.1\r\n";
  for (std::size_t i = 0; i <= kHeaderLinesMax; ++i) many_headers += "A: b\r\n";
  for (const Case& c :
       {Case{"\x16\x03\x01\x02", 400},
        Case{std::string("\0", 1), 400},
        Case{"get / HTTP/1.1\r\n", 400},
        Case{" GET", 400},
        Case{"\r\n\r\n", 400},
        Case{std::string(17, 'A'), 400},
        Case{"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400},
        Case{"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400},
        Case{"GET / HTTP/1.1\r\nName : x\r\n\r\n", 400},
        Case{"GET / HTTP/1.1\r\n: x\r\n\r\n", 400},
        Case{"GET /\x01 HTTP/1.1\r\n\r\n", 400},
        Case{"GET / HTTP/1.1\r\nA: b\nc\r\n\r\n", 400},
        Case{"PUT / HTTP/1.1\r\nContent-Length: 101\r\n\r\n", 413},
        Case{"PUT / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 413},
        Case{"PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
        Case{"PUT / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", 400},
        Case{"PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
        Case{"PUT / HTTP/1.1\r\nContent-Length:\r\n\r\n", 400},
        Case{"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
        Case{"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
        Case{"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Case{"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400},
        Case{"PUT / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Case{"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Case{"GET /" + std::string(1'100, 'x'), 431},
        Case{many_headers + "\r\n", 431}}) {
    const Scanned scanned = scan(c.text);
    EXPECT_EQ(scanned.state, ScanState::kRefused) << c.text;
    EXPECT_EQ(scanned.status, c.status) << c.text;
  }
}

const std::string kChunked = "PUT / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n";

TEST(RequestScan, ChunksBecomeOneBody) {
  const std::string request =
      kChunked + "5\r\nhello\r\n00a;name=\"v\"\r\n, chunks!!\r\n0\r\nTrailer: x\r\n\r\n";
  for (std::size_t size = 0; size < request.size(); ++size)
    EXPECT_EQ(scan(request.substr(0, size)).state, ScanState::kIncomplete) << size;
  const Scanned scanned = scan(request + "GET /next");
  EXPECT_EQ(scanned.state, ScanState::kComplete);
  EXPECT_EQ(scanned.body, "hello, chunks!!");
  EXPECT_EQ(scanned.rest, "GET /next");
}

TEST(RequestScan, ChunksThatAreNoneAreRefused) {
  struct Case {
    std::string text;
    int status;
  };
  std::string many_trailers = "0\r\n";
  for (std::size_t i = 0; i <= kHeaderLinesMax; ++i) many_trailers += "A: b\r\n";
  for (const Case& c :
       {Case{"\r\n", 400}, Case{"x\r\n", 400}, Case{"-1\r\n", 400}, Case{"0x5\r\nhello\r\n", 400},
        Case{"5 \r\nhello\r\n", 400}, Case{"5\nhello\r\n", 400}, Case{"5\r\nhello0\r\n", 400},
        Case{"5\r\nhello\n\n\r\n", 400}, Case{"65\r\n", 413}, Case{"ffffffffffffffff\r\n", 413},
        Case{"fffffffffffffffff\r\n", 413}, Case{"64\r\n" + std::string(100, 'x') + "\r\n1\r\n", 413},
        Case{"5;" + std::string(300, 'x'), 400}, Case{many_trailers, 431}}) {
    const Scanned scanned = scan(kChunked + c.text);
    EXPECT_EQ(scanned.state, ScanState::kRefused) << c.text;
    EXPECT_EQ(scanned.status, c.status) << c.text;
  }
}

TEST(RequestScan, ABodyInSinglePiecesIsTheSameBody) {
  const std::string request = kChunked + "5\r\nhello\r\na\r\n, chunks!!\r\n0\r\n\r\n";
  const HeadScan head = scan_head(request, kHeadMax);
  BodyReader reader(head, kBodyMax);
  std::string received;
  for (std::size_t i = head.bytes; i < request.size(); ++i) {
    received += request[i];
    const ScanState state = reader.take(received);
    EXPECT_EQ(state, i + 1 == request.size() ? ScanState::kComplete : ScanState::kIncomplete) << i;
  }
  EXPECT_EQ(reader.body(), "hello, chunks!!");
}

TEST(RequestScan, NoiseNeverClaimsMoreThanThereIs) {
  std::mt19937_64 random(23);
  const std::string goods[] = {"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
                               kChunked + "5\r\nhello\r\n0\r\n\r\n"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text = goods[i % 2];
    for (int edits = 0; edits < 3; ++edits) text[random() % text.size()] = static_cast<char>(random());
    const Scanned scanned = scan(text);
    if (scanned.state == ScanState::kComplete) {
      EXPECT_LE(scanned.head.bytes + scanned.body.size() + scanned.rest.size(), text.size());
      EXPECT_LE(scanned.body.size(), kBodyMax);
      EXPECT_TRUE(scanned.head.passed.ends_with("\r\n\r\n"));
    }
  }
}

}  // namespace
}  // namespace forebay::http
