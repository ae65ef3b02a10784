#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>

namespace {

/// Writes which test cases ran to the file that TEST_REPORT names, a line each: passed or failed, assertions, tags and
/// name with tabs between. tests/tidy/conformance.py reads it.
class run_report final : public Catch::TestEventListenerBase {
  public:
    using Catch::TestEventListenerBase::TestEventListenerBase;

    void testRunStarting(const Catch::TestRunInfo&) override {
        if (const char* path = std::getenv("TEST_REPORT")) out_.open(path, std::ios::trunc);
    }
    void testCaseEnded(const Catch::TestCaseStats& ended) override {
        if (!out_.is_open()) return;
        const auto& assertions = ended.totals.assertions;
        out_ << (assertions.allOk() ? "passed" : "failed") << '\t' << assertions.total() << '\t'
             << ended.testInfo.tagsAsString() << '\t' << ended.testInfo.name << std::endl;
    }

  private:
    std::ofstream out_;
};

CATCH_REGISTER_LISTENER(run_report)

} // namespace
