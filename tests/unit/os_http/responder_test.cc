// SPDX-License-Identifier: Apache-2.0
// The whole way of an OCSP question: made by the core, carried by the fetcher, answered by OpenSSL's own
// responder.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <future>

#include "absl/strings/str_cat.h"
#include "core/crypto/provider.h"
#include "os/http/fetcher.h"
#include "support/test_pki.h"

namespace flexvpn::os {
namespace {

using crypto::test::CertSpec;
using crypto::test::kDay;
using crypto::test::TestCert;
using ::testing::HasSubstr;

CertSpec Now(CertSpec spec) {  // the responder has a clock of its own
  spec.from = time(nullptr) - kDay;
  spec.to = time(nullptr) + kDay;
  return spec;
}
std::string Date(time_t t) {
  tm broken{};
  char text[32];
  strftime(text, sizeof text, "%y%m%d%H%M%SZ", gmtime_r(&t, &broken));
  return text;
}

class ResponderTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flexvpn-ocsp.XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    dir_ = name;
    const std::string index =
        absl::StrCat("V\t", Date(time(nullptr) + kDay), "\t\t", good_.info().serial, "\tunknown\t/CN=good\n",
                     "R\t", Date(time(nullptr) + kDay), "\t", Date(time(nullptr) - 3600), "\t",
                     bad_.info().serial, "\tunknown\t/CN=bad\n");
    Write("index.txt", index);
    Write("ca.pem", ca_.pem());
    Write("ca.key", ca_.key_pem());
    Start();
    if (port_ == 0) GTEST_SKIP() << "no 'openssl ocsp' here";
  }
  void TearDown() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    for (const char* f : {"index.txt", "ca.pem", "ca.key"}) unlink((dir_ + "/" + f).c_str());
    rmdir(dir_.c_str());
  }

  // "good", or why not.
  std::string Ask(const TestCert& cert) {
    crypto::VerifyPeer job;
    job.trust = {crypto::test::Trust(
        {&ca_}, {}, {{crypto::RevocationMethod::kOcsp}, absl::StrCat("http://127.0.0.1:", port_, "/")})};
    job.chain = {cert.der()};
    job.at = time(nullptr);
    job.identity = {crypto::ClaimedIdentity::Kind::kDn, cert.subject()};
    job.data = ToBytes("x");
    job.signature = std::get<crypto::Signature>(*provider_->Run(crypto::Sign{
        cert.key(), {crypto::SignatureKind::kEcdsa, crypto::SignatureHash::kSha256}, true, job.data}));
    job.may_fetch = true;
    const crypto::JobResult first = provider_->Run(job);
    if (!first.ok()) return std::string(first.status().message());
    const crypto::RevocationFetch fetch = std::get<crypto::RevocationNeeded>(*first).fetches.at(0);
    std::promise<absl::StatusOr<Bytes>> answer;
    fetcher_->Fetch(fetch.request, seconds(20),
                    [&](absl::StatusOr<Bytes> r) { answer.set_value(std::move(r)); });
    absl::StatusOr<Bytes> body = answer.get_future().get();
    if (!body.ok()) return std::string(body.status().message());
    const crypto::JobResult checked =
        provider_->Run(crypto::CheckRevocationAnswer{fetch, *body, time(nullptr)});
    if (!checked.ok()) return std::string(checked.status().message());
    crypto::KnownRevocation known{fetch.key, std::get<crypto::RevocationRecord>(*checked), ""};
    job.known = std::make_shared<const std::vector<std::shared_ptr<const crypto::KnownRevocation>>>(
        1, std::make_shared<const crypto::KnownRevocation>(std::move(known)));
    const crypto::JobResult last = provider_->Run(job);
    return last.ok() ? "good" : std::string(last.status().message());
  }

  const TestCert ca_{Now({.cn = "CA", .ca = true})};
  const TestCert good_{Now({.cn = "good", .key_number = 1}), &ca_},
      bad_{Now({.cn = "bad", .key_number = 2}), &ca_},
      unknown_{Now({.cn = "unknown", .key_number = 3}), &ca_};

 private:
  void Write(const std::string& name, const std::string& text) {
    FILE* f = fopen((dir_ + "/" + name).c_str(), "w");
    ASSERT_NE(f, nullptr);
    fwrite(text.data(), 1, text.size(), f);
    fclose(f);
  }
  // Says "ACCEPT 0.0.0.0:PORT PID=…" once it listens.
  void Start() {
    int out[2];
    ASSERT_EQ(pipe(out), 0);
    pid_ = fork();
    if (pid_ == 0) {
      if (chdir(dir_.c_str()) != 0) _exit(1);
      dup2(out[1], 1);
      dup2(open("/dev/null", O_WRONLY), 2);
      execlp("openssl", "openssl", "ocsp", "-port", "0", "-index", "index.txt", "-CA", "ca.pem", "-rsigner",
             "ca.pem", "-rkey", "ca.key", "-nmin", "5", nullptr);
      _exit(1);
    }
    close(out[1]);
    FILE* f = fdopen(out[0], "r");
    char line[256];
    while (port_ == 0 && fgets(line, sizeof line, f) != nullptr)
      if (const char* colon = strrchr(line, ':'); strncmp(line, "ACCEPT", 6) == 0 && colon != nullptr)
        port_ = atoi(colon + 1);
    fclose(f);
  }

  std::string dir_;
  pid_t pid_ = -1;
  int port_ = 0;
  std::unique_ptr<crypto::Provider> provider_ = crypto::NewOpensslProvider();
  std::unique_ptr<HttpFetcher> fetcher_ = *HttpFetcher::Make();
};

TEST_F(ResponderTest, OfOpensslIsUnderstood) {
  EXPECT_EQ(Ask(good_), "good");
  EXPECT_THAT(Ask(bad_), HasSubstr("is revoked (OCSP)"));
  EXPECT_THAT(Ask(unknown_), HasSubstr("does not know the certificate"));
}

}  // namespace
}  // namespace flexvpn::os
