// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>
#include <sysexits.h>

#include "app/daemon/config_file.h"
#include "app/daemon/driver.h"
#include "app/daemon/logger.h"
#include "app/daemon/options.h"
#include "app/daemon/privileges.h"

int main(int argc, char** argv) {
  using namespace flexvpn;
  app::Options options;
  int status = 0;
  if (!app::ParseOptions(argc, argv, &options, &status)) return status;
  app::SetDebug(options.debug);
  app::ProtectMemory();
  signal(SIGPIPE, SIG_IGN);
  auto key = app::MasterKey::Load(app::ConfigSession::Paths{options.config, options.instance_dir()}.master_key());
  if (!key.ok()) {
    fprintf(stderr, "flexvpnd: %s; keys of type 6 are not read\n", std::string(key.status().message()).c_str());
    key = std::unique_ptr<app::MasterKey>();
  }
  auto config = app::LoadConfig(options.config, key->get(), options.files);
  if (!config) return EX_CONFIG;
  if (options.check) {
    printf("%s: no errors%s\n", options.config.c_str(), options.files ? "" : "; the files it names were not read");
    return EX_OK;
  }
  if (const auto missing = app::MissingCapabilities(); !missing.empty()) {
    for (const std::string& m : missing) fprintf(stderr, "flexvpnd: missing %s\n", m.c_str());
    fputs("flexvpnd: run it as root, or give its service these capabilities\n", stderr);
    return EX_UNAVAILABLE;
  }
  auto driver = app::Driver::Make(options, *std::move(config), *std::move(key));
  if (!driver.ok()) {
    fprintf(stderr, "flexvpnd: %s\n", std::string(driver.status().message()).c_str());
    fputs("flexvpnd: 'kernel-config/check' of the source tree tells what this kernel lacks\n", stderr);
    return EX_UNAVAILABLE;
  }
  if ((*driver)->Run()) return EX_OK;
  fputs("flexvpnd: 'kernel-config/check' of the source tree tells what this kernel lacks\n", stderr);
  return EX_UNAVAILABLE;
}
