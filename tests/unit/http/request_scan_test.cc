#include "http/request_scan.h"

#include <gtest/gtest.h>

#include <random>

namespace forebay::http {
namespace {

constexpr ScanLimits kLimits{1'024, 100};

TEST(RequestScan, EveryPrefixOfARequestIsIncompleteAndTheWholeIsNot) {
  const std::string request =
      "PUT /loglevel?level=debug HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
  for (std::size_t size = 0; size < request.size(); ++size) {
    EXPECT_EQ(scan_request(request.substr(0, size), kLimits).state, ScanState::kIncomplete) << size;
  }
  const RequestScan scan = scan_request(request + "GET /next", kLimits);
  EXPECT_EQ(scan.state, ScanState::kComplete);
  EXPECT_EQ(scan.bytes, request.size());
  EXPECT_EQ(scan.head, "PUT /loglevel?level=debug HTTP/1.1\r\nHost: x\r\n\r\n");
}

TEST(RequestScan, OnlyHarmlessHeadersArePassedOn) {
  const RequestScan scan = scan_request(
      "GET / HTTP/1.1\r\nHost: h\r\nRange: bytes=0-,0-,0-\r\nExpect: 100-continue\r\nACCEPT-ENCODING: "
      "gzip\r\nX-Any: y\r\n"
      "Connection: close\r\n\r\n",
      kLimits);
  EXPECT_EQ(scan.state, ScanState::kComplete);
  EXPECT_EQ(scan.head, "GET / HTTP/1.1\r\nHost: h\r\nACCEPT-ENCODING: gzip\r\nConnection: close\r\n\r\n");
}

TEST(RequestScan, BadRequestsAreRefusedWithTheirStatus) {
  struct Case {
    std::string text;
    int status;
  };
  std::string many_headers = "GET / HTTP/1.1\r\n";
  for (std::size_t i = 0; i <= kHeaderLinesMax; ++i) many_headers += "A: b\r\n";
  for (const Case& c : {Case{"\x16\x03\x01\x02", 400},
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
                        Case{"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
                        Case{"GET /" + std::string(1'100, 'x'), 431},
                        Case{many_headers + "\r\n", 431}}) {
    const RequestScan scan = scan_request(c.text, kLimits);
    EXPECT_EQ(scan.state, ScanState::kRefused) << c.text;
    EXPECT_EQ(scan.status, c.status) << c.text;
  }
}

TEST(RequestScan, NoiseNeverClaimsMoreThanThereIs) {
  std::mt19937_64 random(23);
  const std::string good = "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = good;
    for (int edits = 0; edits < 3; ++edits) text[random() % text.size()] = static_cast<char>(random());
    const RequestScan scan = scan_request(text, kLimits);
    if (scan.state == ScanState::kComplete) {
      EXPECT_LE(scan.bytes, text.size());
      EXPECT_TRUE(scan.head.ends_with("\r\n\r\n"));
    }
  }
}

}  // namespace
}  // namespace forebay::http
