// Regular expressions of JSON Schema, each as the engine that takes it matches it.
#include "schema/core/json/json_pattern.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace forebay::schema::json {
namespace {

constexpr std::size_t kBytesMax = 1U << 20, kStepsMax = 500'000;

Match find(const std::string& expression, const std::string& text, std::size_t steps_max = kStepsMax) {
  const auto pattern = Pattern::compile(expression, kBytesMax);
  EXPECT_TRUE(pattern) << pattern.error().context;
  if (!pattern) return Match::kUndecided;
  Steps steps{.max = steps_max};
  const Match match = (*pattern)->find_in(text, steps);
  EXPECT_GT(steps.taken, 0U);
  EXPECT_EQ(steps.are_used_up(), match == Match::kUndecided);
  return match;
}

struct Row {
  std::string expression;
  std::vector<std::string> found, not_found;
};
class PatternTest : public testing::TestWithParam<Row> {};
TEST_P(PatternTest, Finds) {
  for (const std::string& text : GetParam().found)
    EXPECT_EQ(find(GetParam().expression, text), Match::kFound) << GetParam().expression << " in " << text;
  for (const std::string& text : GetParam().not_found)
    EXPECT_EQ(find(GetParam().expression, text), Match::kNotFound) << GetParam().expression << " in " << text;
}
INSTANTIATE_TEST_SUITE_P(
    LookAround, PatternTest,
    testing::Values(Row{R"(^(?!\s*$).+)", {"a", "  a"}, {"", " ", "\t \xC2\xA0"}},
                    Row{R"(^(?=.*[a-z])(?=.*\d).{4,}$)", {"abc1", "1abcd"}, {"abcd", "a1", "1234"}},
                    Row{"a(?=b)", {"cab"}, {"a", "ac"}}, Row{"(?<=b)a", {"ba"}, {"a", "ab"}},
                    Row{"(?<!b)a", {"a", "aba", "ca"}, {"ba"}}, Row{"a(?=b)$", {}, {"ab"}},
                    Row{"(?=b)*a", {"a"}, {"b"}}));
INSTANTIATE_TEST_SUITE_P(
    BackReferences, PatternTest,
    testing::Values(Row{R"(^(['"]).*\1$)", {"'a'", "\"a'\""}, {"'a\""}},
                    Row{R"(^(?<quote>['"]).*\k<quote>$)", {"'a'"}, {"'a\""}},
                    Row{R"(^(?:(a)|b)\1$)", {"aa", "b"}, {"ab"}},  // what has found nothing is empty
                    Row{R"(^\1(a)$)", {"a"}, {"aa"}}));
INSTANTIATE_TEST_SUITE_P(
    TooLargeForAnAutomaton, PatternTest,
    testing::Values(Row{"^a{2000}$", {std::string(2000, 'a')}, {std::string(1999, 'a')}},
                    Row{"^.{0,5000}$", {"", std::string(5000, 'x')}, {std::string(5001, 'x'), "a\nb"}},
                    Row{R"(^[\p{L}\p{N}]{1,30000}$)", {"a", "Ünal1"}, {"", "a b"}}));
// Those that both engines take are compared below; these differ from one of them as it is.
INSTANTIATE_TEST_SUITE_P(
    AsEcmaHasThem, PatternTest,
    testing::Values(Row{"^a$", {"a"}, {"a\n"}}, Row{"(?=)^a$", {"a"}, {"a\n"}},
                    Row{R"(^\v$)", {"\x0B"}, {"\n"}}, Row{R"((?=)^\v$)", {"\x0B"}, {"\n"}},
                    Row{R"((?=)^\w$)", {"a"}, {"é"}}, Row{R"((?=)^\d$)", {"1"}, {"\xD9\xA1"}},
                    Row{"(?=)^[]$", {}, {"", "]"}}, Row{"^a{,3}$", {"a{,3}"}, {"aa"}},
                    Row{"(?=)^a{,3}{b$", {"a{,3}{b"}, {"aa"}}, Row{"(?=)^[^]$", {"a", "\n", "é"}, {""}},
                    Row{"(?=)^[[:alpha:]]", {"[]", "a]"}, {"b]", "b"}},
                    Row{R"((?=)^\u00e9\x41\cA$)", {"éA\x01"}, {"e"}},
                    Row{R"((?=)^\ud83d\udc32$)", {"🐲"}, {"x"}},
                    Row{R"((?=)^\p{Letter}\p{Script=Greek}$)", {"aλ"}, {"λa", "1λ"}}));

TEST(Pattern, IsRefusedWhereItIsNotOfEcma262) {
  for (const std::string expression : {"(?>a)",         "(?=a)(?R)",
                                       "(?=a)(?1)",     "(?=a)(?#x)",
                                       "(?=a)(*FAIL)",  "(*UTF)a",
                                       "a++",           "(?=a)a*+",
                                       "a**",           "a{2}{3}",
                                       R"((?=a)\Ka)",   R"((?=a)\Qa\E)",
                                       R"(a\Z)",        R"(\h)",
                                       R"([\1])",       R"((?=a)\2)",
                                       R"((?=a)\k<x>)", "(?<=a*)b",
                                       "(?=",           "(?=a))",
                                       R"(a\)",         "(?<a>x)(?<a>y)(?=z)"}) {
    const auto pattern = Pattern::compile(expression, kBytesMax);
    ASSERT_FALSE(pattern) << expression;
    EXPECT_EQ(pattern.error().code, ErrorCode::kInvalidArgument);
    EXPECT_GT(pattern.error().context.size(), expression.size() + 40) << pattern.error().context;
  }
}

TEST(Pattern, EndsWhereTryingWouldNot) {
  const std::string as(40, 'a');
  for (const std::string expression :
       {"^(?=(a+)+$)", R"(^(a|aa)+\1b$)", "(?=(?:a|a)*d)[^]*c", "(?=(?:a*){30}by)", R"((a*)*\1bd|x)"}) {
    EXPECT_EQ(find(expression, as + "!bcx"), Match::kUndecided) << expression;
    EXPECT_EQ(find(expression, "", 20'000), find(expression, "")) << expression;
  }
}

std::size_t steps_of(const std::string& expression, const std::string& text, Match expected) {
  const auto pattern = Pattern::compile(expression, kBytesMax);
  EXPECT_TRUE(pattern) << pattern.error().context;
  Steps steps{.max = 100'000'000};
  EXPECT_EQ((*pattern)->find_in(text, steps), expected) << expression;
  return steps.taken;
}
std::string repeated(const std::string& what, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += what;
  return all;
}

// Those in use take some steps for each byte, wherever they begin.
TEST(Pattern, TakesTheStepsThatATextNeeds) {
  const std::string password = "(?=.*\\d)(?=.*[A-Z]).{8,}", reference = R"((?<!\\)\$\{)";
  EXPECT_LT(steps_of("^(?!.*<script).*$", "short", Match::kFound), 20U);
  EXPECT_LT(steps_of("^(?!.*<script).*$", std::string(6'000, 'x'), Match::kFound), 20'000U);
  EXPECT_LT(steps_of("^(?!.*<script).*$", std::string(6'000, 'x') + "<script", Match::kNotFound), 20'000U);
  EXPECT_LT(steps_of(password, std::string(25, 'x') + "7A" + std::string(25, 'x'), Match::kFound), 200U);
  EXPECT_LT(steps_of(reference, std::string(6'000, 'x') + "${", Match::kFound), 20'000U);
}

// An item may run along the whole text, part by part of a class, or compare what a group has found.
TEST(Pattern, TakesStepsForWhatItRunsAlong) {
  const std::string large = "^(?=λ)[" + repeated("\\p{Lu}", 250) + "λ]*$";
  EXPECT_GT(steps_of(large, repeated("λ", 500'000), Match::kFound), 1'000'000U);
  EXPECT_GT(steps_of("^(a*)\\1b", std::string(3'000, 'a') + "cb", Match::kNotFound), 3'000U * 3'000U / 32);
  EXPECT_GT(steps_of("^(?=a)(?:a{1500}b|.)*$", std::string(3'000, 'a'), Match::kFound), 1'500U * 1'500U / 16);
  EXPECT_GT(steps_of("(?=)a" + repeated("\\B", 600) + "x?[bc]", std::string(500, 'a'), Match::kNotFound),
            500U * 600U);
}

// Where it branches off at each character, all that is remembered.
TEST(Pattern, MatchesTextsOfSomeHundredKilobytes) {
  const std::string letters(20'000, 'a');
  EXPECT_EQ(find("^(?!x)(a|b)+$", letters), Match::kFound);
  EXPECT_EQ(find("^(?!.*foo)(?:[a-z]|[0-9])+$", letters), Match::kFound);
  EXPECT_EQ(find("^(?!,)(?:[^,\\n]*,?)*$", repeated("12345,", 6'000), 860'000), Match::kFound);
}

TEST(Pattern, LooksBehindAShortWayOnly) {
  EXPECT_FALSE(Pattern::compile("(?<=(?:a{250}){250})[bc]", kBytesMax));
  EXPECT_FALSE(Pattern::compile("(?<=a{256})[bc]", kBytesMax));
  EXPECT_GT(steps_of("(?<=a{250}|b{249}|c{248})[b-d]", std::string(1'000, 'd'), Match::kNotFound),
            3U * 1'000U * 250U / 16 / 2);
}

TEST(Pattern, IsSmallWhereItIsTriedOut) {
  for (const std::string& expression :
       {"(?=a)" + std::string(2'100, 'a'), "(?i:" + repeated("[!-\\u{10FFFF}]", 100) + ")(?=a)"}) {
    const auto pattern = Pattern::compile(expression, kBytesMax);
    ASSERT_FALSE(pattern);
    EXPECT_NE(pattern.error().context.find("look-around, back references or so many repetitions"),
              std::string::npos)
        << pattern.error().context;
  }
  EXPECT_TRUE(Pattern::compile("(?=a)" + repeated("[!-\\u{10FFFF}]", 130), kBytesMax));
}

class Sources {
 public:
  explicit Sources(unsigned seed) : rng_(seed) {}
  // Of what ECMA 262, RE2 and PCRE2 all have.
  std::string expression(int depth = 3) {
    std::string all;
    for (std::size_t terms = pick(4); terms > 0; --terms)
      all += pick(6) == 0 ? assertion() : term(depth) + repetition();
    if (depth > 0 && pick(4) == 0) all += '|' + expression(depth - 1);
    return all;
  }
  std::string text() {
    static const std::vector<std::string> kPieces = {"a", "b", "c",  "A", "-", "1", " ",  "\n",
                                                     "é", "_", "\t", "[", "]", "λ", "\r", "\xC2\xA0"};
    std::string all;
    for (std::size_t pieces = pick(8); pieces > 0; --pieces) all += kPieces[pick(kPieces.size())];
    return all;
  }

 private:
  std::size_t pick(std::size_t count) { return rng_() % count; }
  std::string term(int depth) {
    static const std::vector<std::string> kTerms = {
        "a",         "b",        "[ab]",         "[^a]",  ".",       R"(\d)",        R"(\w)",     R"(\W)",
        R"(\s)",     R"(\S)",    R"([\s-])",     "[a-c]", R"(\-)",   R"(\[)",        R"(\u00e9)", R"(\p{L})",
        R"(\P{Lu})", R"([\d_])", R"([^\p{Nd}])", "[^]",   R"(\x41)", R"(\p{Greek})", R"([a\]])",  "é",
        R"(\t)",     R"(\n)",    "[[]"};
    if (depth > 0 && pick(5) == 0) return (pick(2) == 0 ? "(" : "(?:") + expression(depth - 1) + ")";
    return kTerms[pick(kTerms.size())];
  }
  std::string assertion() {
    static const std::vector<std::string> kAssertions = {"^", "$", R"(\b)"};  // RE2 has \B within a character
    return kAssertions[pick(kAssertions.size())];
  }
  std::string repetition() {
    static const std::vector<std::string> kRepetitions = {"*", "+", "?", "{2}", "{0,2}", "{1,}", "*?", "+?"};
    return pick(3) == 0 ? kRepetitions[pick(kRepetitions.size())] : "";
  }
  std::mt19937 rng_;
};

TEST(Pattern, MeansTheSameToBothEngines) {
  std::size_t found = 0, compared = 0;
  for (unsigned seed = 0; seed < 3'000; ++seed) {
    Sources sources(seed);
    const std::string expression = sources.expression();
    const auto automaton = Pattern::compile(expression, kBytesMax);
    const auto backtracking = Pattern::compile("(?=)(?:" + expression + ")", kBytesMax);
    ASSERT_EQ(automaton.has_value(), backtracking.has_value())
        << expression << ": " << (automaton ? backtracking.error().context : automaton.error().context);
    if (!automaton) continue;
    for (int i = 0; i < 10; ++i) {
      const std::string text = sources.text();
      Steps one{.max = kStepsMax}, other{.max = kStepsMax};
      const Match match = (*backtracking)->find_in(text, other);
      if (match == Match::kUndecided) continue;
      ASSERT_EQ((*automaton)->find_in(text, one), match) << expression << " in '" << text << "', " << seed;
      ++compared;
      found += match == Match::kFound ? 1U : 0U;
    }
  }
  EXPECT_GT(compared, 20'000U);
  EXPECT_GT(found, 3'000U);
  EXPECT_GT(compared - found, 3'000U);
}

}  // namespace
}  // namespace forebay::schema::json
