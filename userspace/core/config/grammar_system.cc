// SPDX-License-Identifier: Apache-2.0
// hostname, banner, logging, key config-key, platform.
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

void SetPlatform(Context& c, const Call& call) {
  const std::string ios = call.Text("IF");
  if (!call.set()) {
    c.model.platform_interfaces.erase(ios);
    return;
  }
  const Arg* linux_name = call.Find("LINUX");
  if (linux_name->text.size() > 15)
    c.Error(At(call, *linux_name), "a Linux interface name has at most 15 characters");
  c.model.platform_interfaces[ios] = linux_name->text;
}

// Objects that are still as built in become those of the new set.
template <class T>
void Exchange(std::map<std::string, T>& have, const std::map<std::string, T>& was, const std::map<std::string, T>& is) {
  for (const auto& [name, object] : was)
    if (const auto it = have.find(name); it != have.end() && it->second == object) it->second = is.at(name);
}

void SetDefaults(Context& c, const Call& k) {
  Model& m = c.model;
  const DefaultSet set = k.set() ? DefaultSet::kIos15 : DefaultSet::kModern;
  const Model &was = BuiltInModel(m.defaults), &is = BuiltInModel(set);
  Exchange(m.proposals, was.proposals, is.proposals);
  Exchange(m.transform_sets, was.transform_sets, is.transform_sets);
  m.defaults = set;
  c.built_in = &is;
}

// A master key in the configuration would lie beside what it encrypts.
void SetConfigKey(Context& c, const Call& k) {
  if (k.set())
    c.Warn(k.where(), "ignored: the master key is no part of the configuration",
           "'key config-key password-encrypt' in the shell, outside of configuration, makes one");
}

void EncryptKeys(Context& c, const Call& k) { KeepStatement(c.model.kept, k); }

}  // namespace

void ReadBanner(Context&, const Call&) {}

void AddSystemCommands(Mode& root) {
  root.Add({
      {"hostname <NAME>", "name of this router",
       [](Context& c, const Call& k) { c.model.hostname = k.set() ? k.Text("NAME") : "router"; }},
      {"ip domain name <NAME>", "DNS domain of this router",
       [](Context& c, const Call& k) { c.model.domain_name = k.set() ? k.Text("NAME") : ""; }},
      {"ip domain-name <NAME>", "DNS domain of this router (old spelling)",
       [](Context& c, const Call& k) { c.model.domain_name = k.set() ? k.Text("NAME") : ""; }},
      {"banner {motd|login|exec|incoming} <TEXT:line>", "text between two delimiters, over several lines", ReadBanner},
      {"key config-key password-encrypt [<KEY:secret>]", "ignored: the master key is made in the shell", SetConfigKey},
      {"platform interface <IF:interface> linux <LINUX>", "Linux device behind an IOS interface name; our own command",
       SetPlatform},
      {"platform defaults ios-15", "smart defaults of IOS 15 instead of the modern ones; our own command", SetDefaults},
      Kept("logging <REST:line>", "where messages go", "log elsewhere than to standard error", Gravity::kNote, Keep::kEach),
      WithMasterKey(Kept("password encryption aes", "write keys encrypted by the master key",
                         "encrypt keys without a master key", Gravity::kNote),
                    EncryptKeys),
      {"configure [terminal]", "ignored: start of a pasted session", nullptr},
      {"enable", "ignored: start of a pasted session", nullptr},
      {"do <REST:line>", "ignored: a command of the shell", nullptr},
  });
}

}  // namespace flexvpn::config
