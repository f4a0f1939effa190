// SPDX-License-Identifier: Apache-2.0
// vrf definition, and what is kept for the objects that name it: track, route-map.
#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

void EnterVrf(Context& c, const Call& k) {
  const std::string name = k.Text("NAME");
  if (!k.set()) {
    c.model.vrfs.erase(name);
    return;
  }
  Vrf& v = c.model.vrfs[name];
  v.name = name;
  v.where = k.where();
  c.vrf = &v;
  c.path = absl::StrCat("vrf definition ", name);
}

}  // namespace

void AddRoutingCommands(Modes& modes) {
  constexpr Gravity kNote = Gravity::kNote;
  At(modes, ModeId::kRoot)
      .Add({{"vrf definition <NAME>", "a VRF: the Linux VRF device of that name", EnterVrf, ModeId::kVrf},
            {"ip vrf <NAME>", "a VRF (old spelling)", EnterVrf, ModeId::kVrf},
            KeptBlock("track <N:1-1000> <WHAT:line>", "an object whose state others follow", "track objects", ModeId::kTrack,
                      kNote)});
  Command map = KeptBlock("route-map <NAME> [permit|deny] [<SEQ:0-65535>]", "a route map", "read route maps", ModeId::kRouteMap,
                          kNote);
  map.keep = Keep::kEach;
  At(modes, ModeId::kRoot).Add({map});
  Command family = KeptBlock("address-family {ipv4|ipv6} [unicast|multicast]", "an address family of this VRF", "",
                             ModeId::kVrfFamily, Gravity::kQuiet);
  family.keep = Keep::kEach;
  At(modes, ModeId::kVrf)
      .Add({{"description <TEXT:line>", "free text",
             [](Context& c, const Call& k) { c.vrf->description = k.set() ? k.Text("TEXT") : ""; }},
            Quiet("rd <RD>", "route distinguisher"), family,
            Quiet("route-target {export|import|both} <RT> [stitching]", "route target", Keep::kEach),
            Quiet("vnet tag <N:2-4094>", "VNET tag")});
  At(modes, ModeId::kVrfFamily)
      .Add({Quiet("route-target {export|import|both} <RT> [stitching]", "route target", Keep::kEach),
            Quiet("{import|export|maximum|bgp|mdt|inter-as-hybrid} <REST:line>", "routes of this family", Keep::kEach)});
  At(modes, ModeId::kTrack)
      .Add({Quiet("delay {up|down} <S:0-180> [{up|down} <T:0-180>]", "seconds before a change counts"),
            Quiet("object <N:1-1000> [not] [weight <W:0-255>]", "an object of the list", Keep::kPerName),
            Quiet("threshold <REST:line>", "when the list is up"), Quiet("ip vrf <VRF>", "VRF of the object"),
            Quiet("default-state {up|down}", "state before the first result"), Quiet("carrier-delay", "wait for the carrier")});
  At(modes, ModeId::kRouteMap)
      .Add({Quiet("match {ip|ipv6} address [prefix-list] <NAME:words>", "routes of these lists", Keep::kEach),
            Quiet("match {tag|metric|interface|ip|ipv6|as-path|community|route-type|source-protocol} <REST:line>",
                  "routes with these properties", Keep::kEach),
            Quiet("set <REST:line>", "change the route", Keep::kEach), Quiet("continue [<N:1-65535>]", "go on here"),
            Quiet("description <TEXT:line>", "free text")});
}

}  // namespace flexvpn::config
