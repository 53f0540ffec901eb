// The texts are those that json-schema.org publishes, without their space.
#include "schema/core/json/json_meta.h"

#include <array>

namespace forebay::schema::json {
namespace {

struct MetaSchema {
  std::string_view uri, text;
};

// clang-format off
constexpr std::array kMetaSchemas = {
    MetaSchema{"http://json-schema.org/draft-04/schema",
               R"j({"id":"http://json-schema.org/draft-04/schema#","$schema":"http://json-schema.org/draf)j"
               R"j(t-04/schema#","description":"Core schema meta-schema","definitions":{"schemaArray":{"t)j"
               R"j(ype":"array","minItems":1,"items":{"$ref":"#"}},"positiveInteger":{"type":"integer","m)j"
               R"j(inimum":0},"positiveIntegerDefault0":{"allOf":[{"$ref":"#/definitions/positiveInteger")j"
               R"j(},{"default":0}]},"simpleTypes":{"enum":["array","boolean","integer","null","number",")j"
               R"j(object","string"]},"stringArray":{"type":"array","items":{"type":"string"},"minItems":)j"
               R"j(1,"uniqueItems":true}},"type":"object","properties":{"id":{"type":"string"},"$schema":)j"
               R"j({"type":"string"},"title":{"type":"string"},"description":{"type":"string"},"default":)j"
               R"j({},"multipleOf":{"type":"number","minimum":0,"exclusiveMinimum":true},"maximum":{"type)j"
               R"j(":"number"},"exclusiveMaximum":{"type":"boolean","default":false},"minimum":{"type":"n)j"
               R"j(umber"},"exclusiveMinimum":{"type":"boolean","default":false},"maxLength":{"$ref":"#/d)j"
               R"j(efinitions/positiveInteger"},"minLength":{"$ref":"#/definitions/positiveIntegerDefault)j"
               R"j(0"},"pattern":{"type":"string","format":"regex"},"additionalItems":{"anyOf":[{"type":")j"
               R"j(boolean"},{"$ref":"#"}],"default":{}},"items":{"anyOf":[{"$ref":"#"},{"$ref":"#/defini)j"
               R"j(tions/schemaArray"}],"default":{}},"maxItems":{"$ref":"#/definitions/positiveInteger"})j"
               R"j(,"minItems":{"$ref":"#/definitions/positiveIntegerDefault0"},"uniqueItems":{"type":"bo)j"
               R"j(olean","default":false},"maxProperties":{"$ref":"#/definitions/positiveInteger"},"minP)j"
               R"j(roperties":{"$ref":"#/definitions/positiveIntegerDefault0"},"required":{"$ref":"#/defi)j"
               R"j(nitions/stringArray"},"additionalProperties":{"anyOf":[{"type":"boolean"},{"$ref":"#"})j"
               R"j(],"default":{}},"definitions":{"type":"object","additionalProperties":{"$ref":"#"},"de)j"
               R"j(fault":{}},"properties":{"type":"object","additionalProperties":{"$ref":"#"},"default")j"
               R"j(:{}},"patternProperties":{"type":"object","additionalProperties":{"$ref":"#"},"default)j"
               R"j(":{}},"dependencies":{"type":"object","additionalProperties":{"anyOf":[{"$ref":"#"},{")j"
               R"j($ref":"#/definitions/stringArray"}]}},"enum":{"type":"array","minItems":1,"uniqueItems)j"
               R"j(":true},"type":{"anyOf":[{"$ref":"#/definitions/simpleTypes"},{"type":"array","items":)j"
               R"j({"$ref":"#/definitions/simpleTypes"},"minItems":1,"uniqueItems":true}]},"format":{"typ)j"
               R"j(e":"string"},"allOf":{"$ref":"#/definitions/schemaArray"},"anyOf":{"$ref":"#/definitio)j"
               R"j(ns/schemaArray"},"oneOf":{"$ref":"#/definitions/schemaArray"},"not":{"$ref":"#"}},"dep)j"
               R"j(endencies":{"exclusiveMaximum":["maximum"],"exclusiveMinimum":["minimum"]},"default":{)j"
               R"j(}})j"},
    MetaSchema{"http://json-schema.org/draft-06/schema",
               R"j({"$schema":"http://json-schema.org/draft-06/schema#","$id":"http://json-schema.org/dra)j"
               R"j(ft-06/schema#","title":"Core schema meta-schema","definitions":{"schemaArray":{"type":)j"
               R"j("array","minItems":1,"items":{"$ref":"#"}},"nonNegativeInteger":{"type":"integer","min)j"
               R"j(imum":0},"nonNegativeIntegerDefault0":{"allOf":[{"$ref":"#/definitions/nonNegativeInte)j"
               R"j(ger"},{"default":0}]},"simpleTypes":{"enum":["array","boolean","integer","null","numbe)j"
               R"j(r","object","string"]},"stringArray":{"type":"array","items":{"type":"string"},"unique)j"
               R"j(Items":true,"default":[]}},"type":["object","boolean"],"properties":{"$id":{"type":"st)j"
               R"j(ring","format":"uri-reference"},"$schema":{"type":"string","format":"uri"},"$ref":{"ty)j"
               R"j(pe":"string","format":"uri-reference"},"title":{"type":"string"},"description":{"type")j"
               R"j(:"string"},"default":{},"examples":{"type":"array","items":{}},"multipleOf":{"type":"n)j"
               R"j(umber","exclusiveMinimum":0},"maximum":{"type":"number"},"exclusiveMaximum":{"type":"n)j"
               R"j(umber"},"minimum":{"type":"number"},"exclusiveMinimum":{"type":"number"},"maxLength":{)j"
               R"j("$ref":"#/definitions/nonNegativeInteger"},"minLength":{"$ref":"#/definitions/nonNegat)j"
               R"j(iveIntegerDefault0"},"pattern":{"type":"string","format":"regex"},"additionalItems":{")j"
               R"j($ref":"#"},"items":{"anyOf":[{"$ref":"#"},{"$ref":"#/definitions/schemaArray"}],"defau)j"
               R"j(lt":{}},"maxItems":{"$ref":"#/definitions/nonNegativeInteger"},"minItems":{"$ref":"#/d)j"
               R"j(efinitions/nonNegativeIntegerDefault0"},"uniqueItems":{"type":"boolean","default":fals)j"
               R"j(e},"contains":{"$ref":"#"},"maxProperties":{"$ref":"#/definitions/nonNegativeInteger"})j"
               R"j(,"minProperties":{"$ref":"#/definitions/nonNegativeIntegerDefault0"},"required":{"$ref)j"
               R"j(":"#/definitions/stringArray"},"additionalProperties":{"$ref":"#"},"definitions":{"typ)j"
               R"j(e":"object","additionalProperties":{"$ref":"#"},"default":{}},"properties":{"type":"ob)j"
               R"j(ject","additionalProperties":{"$ref":"#"},"default":{}},"patternProperties":{"type":"o)j"
               R"j(bject","additionalProperties":{"$ref":"#"},"propertyNames":{"format":"regex"},"default)j"
               R"j(":{}},"dependencies":{"type":"object","additionalProperties":{"anyOf":[{"$ref":"#"},{")j"
               R"j($ref":"#/definitions/stringArray"}]}},"propertyNames":{"$ref":"#"},"const":{},"enum":{)j"
               R"j("type":"array"},"type":{"anyOf":[{"$ref":"#/definitions/simpleTypes"},{"type":"array",)j"
               R"j("items":{"$ref":"#/definitions/simpleTypes"},"minItems":1,"uniqueItems":true}]},"forma)j"
               R"j(t":{"type":"string"},"allOf":{"$ref":"#/definitions/schemaArray"},"anyOf":{"$ref":"#/d)j"
               R"j(efinitions/schemaArray"},"oneOf":{"$ref":"#/definitions/schemaArray"},"not":{"$ref":"#)j"
               R"j("}},"default":{}})j"},
    MetaSchema{"http://json-schema.org/draft-07/schema",
               R"j({"$schema":"http://json-schema.org/draft-07/schema#","$id":"http://json-schema.org/dra)j"
               R"j(ft-07/schema#","title":"Core schema meta-schema","definitions":{"schemaArray":{"type":)j"
               R"j("array","minItems":1,"items":{"$ref":"#"}},"nonNegativeInteger":{"type":"integer","min)j"
               R"j(imum":0},"nonNegativeIntegerDefault0":{"allOf":[{"$ref":"#/definitions/nonNegativeInte)j"
               R"j(ger"},{"default":0}]},"simpleTypes":{"enum":["array","boolean","integer","null","numbe)j"
               R"j(r","object","string"]},"stringArray":{"type":"array","items":{"type":"string"},"unique)j"
               R"j(Items":true,"default":[]}},"type":["object","boolean"],"properties":{"$id":{"type":"st)j"
               R"j(ring","format":"uri-reference"},"$schema":{"type":"string","format":"uri"},"$ref":{"ty)j"
               R"j(pe":"string","format":"uri-reference"},"$comment":{"type":"string"},"title":{"type":"s)j"
               R"j(tring"},"description":{"type":"string"},"default":true,"readOnly":{"type":"boolean","d)j"
               R"j(efault":false},"examples":{"type":"array","items":true},"multipleOf":{"type":"number",)j"
               R"j("exclusiveMinimum":0},"maximum":{"type":"number"},"exclusiveMaximum":{"type":"number"})j"
               R"j(,"minimum":{"type":"number"},"exclusiveMinimum":{"type":"number"},"maxLength":{"$ref":)j"
               R"j("#/definitions/nonNegativeInteger"},"minLength":{"$ref":"#/definitions/nonNegativeInte)j"
               R"j(gerDefault0"},"pattern":{"type":"string","format":"regex"},"additionalItems":{"$ref":")j"
               R"j(#"},"items":{"anyOf":[{"$ref":"#"},{"$ref":"#/definitions/schemaArray"}],"default":tru)j"
               R"j(e},"maxItems":{"$ref":"#/definitions/nonNegativeInteger"},"minItems":{"$ref":"#/defini)j"
               R"j(tions/nonNegativeIntegerDefault0"},"uniqueItems":{"type":"boolean","default":false},"c)j"
               R"j(ontains":{"$ref":"#"},"maxProperties":{"$ref":"#/definitions/nonNegativeInteger"},"min)j"
               R"j(Properties":{"$ref":"#/definitions/nonNegativeIntegerDefault0"},"required":{"$ref":"#/)j"
               R"j(definitions/stringArray"},"additionalProperties":{"$ref":"#"},"definitions":{"type":"o)j"
               R"j(bject","additionalProperties":{"$ref":"#"},"default":{}},"properties":{"type":"object")j"
               R"j(,"additionalProperties":{"$ref":"#"},"default":{}},"patternProperties":{"type":"object)j"
               R"j(","additionalProperties":{"$ref":"#"},"propertyNames":{"format":"regex"},"default":{}})j"
               R"j(,"dependencies":{"type":"object","additionalProperties":{"anyOf":[{"$ref":"#"},{"$ref")j"
               R"j(:"#/definitions/stringArray"}]}},"propertyNames":{"$ref":"#"},"const":true,"enum":{"ty)j"
               R"j(pe":"array","items":true},"type":{"anyOf":[{"$ref":"#/definitions/simpleTypes"},{"type)j"
               R"j(":"array","items":{"$ref":"#/definitions/simpleTypes"},"minItems":1,"uniqueItems":true)j"
               R"j(}]},"format":{"type":"string"},"contentMediaType":{"type":"string"},"contentEncoding":)j"
               R"j({"type":"string"},"if":{"$ref":"#"},"then":{"$ref":"#"},"else":{"$ref":"#"},"allOf":{")j"
               R"j($ref":"#/definitions/schemaArray"},"anyOf":{"$ref":"#/definitions/schemaArray"},"oneOf)j"
               R"j(":{"$ref":"#/definitions/schemaArray"},"not":{"$ref":"#"}},"default":true})j"},
    MetaSchema{"https://json-schema.org/draft/2019-09/schema",
               R"j({"$schema":"https://json-schema.org/draft/2019-09/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2019-09/schema","$vocabulary":{"https://json-schema.org/draft/2019-09/vocab/c)j"
               R"j(ore":true,"https://json-schema.org/draft/2019-09/vocab/applicator":true,"https://json-)j"
               R"j(schema.org/draft/2019-09/vocab/validation":true,"https://json-schema.org/draft/2019-09)j"
               R"j(/vocab/meta-data":true,"https://json-schema.org/draft/2019-09/vocab/format":false,"htt)j"
               R"j(ps://json-schema.org/draft/2019-09/vocab/content":true},"$recursiveAnchor":true,"title)j"
               R"j(":"Core and Validation specifications meta-schema","allOf":[{"$ref":"meta/core"},{"$re)j"
               R"j(f":"meta/applicator"},{"$ref":"meta/validation"},{"$ref":"meta/meta-data"},{"$ref":"me)j"
               R"j(ta/format"},{"$ref":"meta/content"}],"type":["object","boolean"],"properties":{"defini)j"
               R"j(tions":{"$comment":"While no longer an official keyword as it is replaced by $defs, th)j"
               R"j(is keyword is retained in the meta-schema to prevent incompatible extensions as it rem)j"
               R"j(ains in common use.","type":"object","additionalProperties":{"$recursiveRef":"#"},"def)j"
               R"j(ault":{}},"dependencies":{"$comment":"\"dependencies\" is no longer a keyword, but sch)j"
               R"j(ema authors should avoid redefining it to facilitate a smooth transition to \"dependen)j"
               R"j(tSchemas\" and \"dependentRequired\"","type":"object","additionalProperties":{"anyOf":)j"
               R"j([{"$recursiveRef":"#"},{"$ref":"meta/validation#/$defs/stringArray"}]}}}})j"},
    MetaSchema{"https://json-schema.org/draft/2019-09/meta/applicator",
               R"j({"$schema":"https://json-schema.org/draft/2019-09/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2019-09/meta/applicator","$vocabulary":{"https://json-schema.org/draft/2019-0)j"
               R"j(9/vocab/applicator":true},"$recursiveAnchor":true,"title":"Applicator vocabulary meta-)j"
               R"j(schema","type":["object","boolean"],"properties":{"additionalItems":{"$recursiveRef":")j"
               R"j(#"},"unevaluatedItems":{"$recursiveRef":"#"},"items":{"anyOf":[{"$recursiveRef":"#"},{)j"
               R"j("$ref":"#/$defs/schemaArray"}]},"contains":{"$recursiveRef":"#"},"additionalProperties)j"
               R"j(":{"$recursiveRef":"#"},"unevaluatedProperties":{"$recursiveRef":"#"},"properties":{"t)j"
               R"j(ype":"object","additionalProperties":{"$recursiveRef":"#"},"default":{}},"patternPrope)j"
               R"j(rties":{"type":"object","additionalProperties":{"$recursiveRef":"#"},"propertyNames":{)j"
               R"j("format":"regex"},"default":{}},"dependentSchemas":{"type":"object","additionalPropert)j"
               R"j(ies":{"$recursiveRef":"#"}},"propertyNames":{"$recursiveRef":"#"},"if":{"$recursiveRef)j"
               R"j(":"#"},"then":{"$recursiveRef":"#"},"else":{"$recursiveRef":"#"},"allOf":{"$ref":"#/$d)j"
               R"j(efs/schemaArray"},"anyOf":{"$ref":"#/$defs/schemaArray"},"oneOf":{"$ref":"#/$defs/sche)j"
               R"j(maArray"},"not":{"$recursiveRef":"#"}},"$defs":{"schemaArray":{"type":"array","minItem)j"
               R"j(s":1,"items":{"$recursiveRef":"#"}}}})j"},
    MetaSchema{"https://json-schema.org/draft/2019-09/meta/content",
               R"j({"$schema":"https://json-schema.org/draft/2019-09/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2019-09/meta/content","$vocabulary":{"https://json-schema.org/draft/2019-09/v)j"
               R"j(ocab/content":true},"$recursiveAnchor":true,"title":"Content vocabulary meta-schema",")j"
               R"j(type":["object","boolean"],"properties":{"contentMediaType":{"type":"string"},"content)j"
               R"j(Encoding":{"type":"string"},"contentSchema":{"$recursiveRef":"#"}}})j"},
    MetaSchema{"https://json-schema.org/draft/2019-09/meta/core",
               R"j({"$schema":"https://json-schema.org/draft/2019-09/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2019-09/meta/core","$vocabulary":{"https://json-schema.org/draft/2019-09/voca)j"
               R"j(b/core":true},"$recursiveAnchor":true,"title":"Core vocabulary meta-schema","type":["o)j"
               R"j(bject","boolean"],"properties":{"$id":{"type":"string","format":"uri-reference","$comm)j"
               R"j(ent":"Non-empty fragments not allowed.","pattern":"^[^#]*#?$"},"$schema":{"type":"stri)j"
               R"j(ng","format":"uri"},"$anchor":{"type":"string","pattern":"^[A-Za-z][-A-Za-z0-9.:_]*$"})j"
               R"j(,"$ref":{"type":"string","format":"uri-reference"},"$recursiveRef":{"type":"string","f)j"
               R"j(ormat":"uri-reference"},"$recursiveAnchor":{"type":"boolean","default":false},"$vocabu)j"
               R"j(lary":{"type":"object","propertyNames":{"type":"string","format":"uri"},"additionalPro)j"
               R"j(perties":{"type":"boolean"}},"$comment":{"type":"string"},"$defs":{"type":"object","ad)j"
               R"j(ditionalProperties":{"$recursiveRef":"#"},"default":{}}}})j"},
    MetaSchema{"https://json-schema.org/draft/2019-09/meta/format",
               R"j({"$schema":"https://json-schema.org/draft/2019-09/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2019-09/meta/format","$vocabulary":{"https://json-schema.org/draft/2019-09/vo)j"
               R"j(cab/format":true},"$recursiveAnchor":true,"title":"Format vocabulary meta-schema","typ)j"
               R"j(e":["object","boolean"],"properties":{"format":{"type":"string"}}})j"},
    MetaSchema{"https://json-schema.org/draft/2019-09/meta/meta-data",
               R"j({"$schema":"https://json-schema.org/draft/2019-09/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2019-09/meta/meta-data","$vocabulary":{"https://json-schema.org/draft/2019-09)j"
               R"j(/vocab/meta-data":true},"$recursiveAnchor":true,"title":"Meta-data vocabulary meta-sch)j"
               R"j(ema","type":["object","boolean"],"properties":{"title":{"type":"string"},"description")j"
               R"j(:{"type":"string"},"default":true,"deprecated":{"type":"boolean","default":false},"rea)j"
               R"j(dOnly":{"type":"boolean","default":false},"writeOnly":{"type":"boolean","default":fals)j"
               R"j(e},"examples":{"type":"array","items":true}}})j"},
    MetaSchema{"https://json-schema.org/draft/2019-09/meta/validation",
               R"j({"$schema":"https://json-schema.org/draft/2019-09/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2019-09/meta/validation","$vocabulary":{"https://json-schema.org/draft/2019-0)j"
               R"j(9/vocab/validation":true},"$recursiveAnchor":true,"title":"Validation vocabulary meta-)j"
               R"j(schema","type":["object","boolean"],"properties":{"multipleOf":{"type":"number","exclu)j"
               R"j(siveMinimum":0},"maximum":{"type":"number"},"exclusiveMaximum":{"type":"number"},"mini)j"
               R"j(mum":{"type":"number"},"exclusiveMinimum":{"type":"number"},"maxLength":{"$ref":"#/$de)j"
               R"j(fs/nonNegativeInteger"},"minLength":{"$ref":"#/$defs/nonNegativeIntegerDefault0"},"pat)j"
               R"j(tern":{"type":"string","format":"regex"},"maxItems":{"$ref":"#/$defs/nonNegativeIntege)j"
               R"j(r"},"minItems":{"$ref":"#/$defs/nonNegativeIntegerDefault0"},"uniqueItems":{"type":"bo)j"
               R"j(olean","default":false},"maxContains":{"$ref":"#/$defs/nonNegativeInteger"},"minContai)j"
               R"j(ns":{"$ref":"#/$defs/nonNegativeInteger","default":1},"maxProperties":{"$ref":"#/$defs)j"
               R"j(/nonNegativeInteger"},"minProperties":{"$ref":"#/$defs/nonNegativeIntegerDefault0"},"r)j"
               R"j(equired":{"$ref":"#/$defs/stringArray"},"dependentRequired":{"type":"object","addition)j"
               R"j(alProperties":{"$ref":"#/$defs/stringArray"}},"const":true,"enum":{"type":"array","ite)j"
               R"j(ms":true},"type":{"anyOf":[{"$ref":"#/$defs/simpleTypes"},{"type":"array","items":{"$r)j"
               R"j(ef":"#/$defs/simpleTypes"},"minItems":1,"uniqueItems":true}]}},"$defs":{"nonNegativeIn)j"
               R"j(teger":{"type":"integer","minimum":0},"nonNegativeIntegerDefault0":{"$ref":"#/$defs/no)j"
               R"j(nNegativeInteger","default":0},"simpleTypes":{"enum":["array","boolean","integer","nul)j"
               R"j(l","number","object","string"]},"stringArray":{"type":"array","items":{"type":"string")j"
               R"j(},"uniqueItems":true,"default":[]}}})j"},
    MetaSchema{"https://json-schema.org/draft/2020-12/schema",
               R"j({"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2020-12/schema","$vocabulary":{"https://json-schema.org/draft/2020-12/vocab/c)j"
               R"j(ore":true,"https://json-schema.org/draft/2020-12/vocab/applicator":true,"https://json-)j"
               R"j(schema.org/draft/2020-12/vocab/unevaluated":true,"https://json-schema.org/draft/2020-1)j"
               R"j(2/vocab/validation":true,"https://json-schema.org/draft/2020-12/vocab/meta-data":true,)j"
               R"j("https://json-schema.org/draft/2020-12/vocab/format-annotation":true,"https://json-sch)j"
               R"j(ema.org/draft/2020-12/vocab/content":true},"$dynamicAnchor":"meta","title":"Core and V)j"
               R"j(alidation specifications meta-schema","allOf":[{"$ref":"meta/core"},{"$ref":"meta/appl)j"
               R"j(icator"},{"$ref":"meta/unevaluated"},{"$ref":"meta/validation"},{"$ref":"meta/meta-dat)j"
               R"j(a"},{"$ref":"meta/format-annotation"},{"$ref":"meta/content"}],"type":["object","boole)j"
               R"j(an"],"$comment":"This meta-schema also defines keywords that have appeared in previous)j"
               R"j( drafts in order to prevent incompatible extensions as they remain in common use.","pr)j"
               R"j(operties":{"definitions":{"$comment":"\"definitions\" has been replaced by \"$defs\".")j"
               R"j(,"type":"object","additionalProperties":{"$dynamicRef":"#meta"},"deprecated":true,"def)j"
               R"j(ault":{}},"dependencies":{"$comment":"\"dependencies\" has been split and replaced by )j"
               R"j(\"dependentSchemas\" and \"dependentRequired\" in order to serve their differing seman)j"
               R"j(tics.","type":"object","additionalProperties":{"anyOf":[{"$dynamicRef":"#meta"},{"$ref)j"
               R"j(":"meta/validation#/$defs/stringArray"}]},"deprecated":true,"default":{}},"$recursiveA)j"
               R"j(nchor":{"$comment":"\"$recursiveAnchor\" has been replaced by \"$dynamicAnchor\".","$r)j"
               R"j(ef":"meta/core#/$defs/anchorString","deprecated":true},"$recursiveRef":{"$comment":"\")j"
               R"j($recursiveRef\" has been replaced by \"$dynamicRef\".","$ref":"meta/core#/$defs/uriRef)j"
               R"j(erenceString","deprecated":true}}})j"},
    MetaSchema{"https://json-schema.org/draft/2020-12/meta/applicator",
               R"j({"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2020-12/meta/applicator","$vocabulary":{"https://json-schema.org/draft/2020-1)j"
               R"j(2/vocab/applicator":true},"$dynamicAnchor":"meta","title":"Applicator vocabulary meta-)j"
               R"j(schema","type":["object","boolean"],"properties":{"prefixItems":{"$ref":"#/$defs/schem)j"
               R"j(aArray"},"items":{"$dynamicRef":"#meta"},"contains":{"$dynamicRef":"#meta"},"additiona)j"
               R"j(lProperties":{"$dynamicRef":"#meta"},"properties":{"type":"object","additionalProperti)j"
               R"j(es":{"$dynamicRef":"#meta"},"default":{}},"patternProperties":{"type":"object","additi)j"
               R"j(onalProperties":{"$dynamicRef":"#meta"},"propertyNames":{"format":"regex"},"default":{)j"
               R"j(}},"dependentSchemas":{"type":"object","additionalProperties":{"$dynamicRef":"#meta"},)j"
               R"j("default":{}},"propertyNames":{"$dynamicRef":"#meta"},"if":{"$dynamicRef":"#meta"},"th)j"
               R"j(en":{"$dynamicRef":"#meta"},"else":{"$dynamicRef":"#meta"},"allOf":{"$ref":"#/$defs/sc)j"
               R"j(hemaArray"},"anyOf":{"$ref":"#/$defs/schemaArray"},"oneOf":{"$ref":"#/$defs/schemaArra)j"
               R"j(y"},"not":{"$dynamicRef":"#meta"}},"$defs":{"schemaArray":{"type":"array","minItems":1)j"
               R"j(,"items":{"$dynamicRef":"#meta"}}}})j"},
    MetaSchema{"https://json-schema.org/draft/2020-12/meta/content",
               R"j({"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2020-12/meta/content","$vocabulary":{"https://json-schema.org/draft/2020-12/v)j"
               R"j(ocab/content":true},"$dynamicAnchor":"meta","title":"Content vocabulary meta-schema",")j"
               R"j(type":["object","boolean"],"properties":{"contentEncoding":{"type":"string"},"contentM)j"
               R"j(ediaType":{"type":"string"},"contentSchema":{"$dynamicRef":"#meta"}}})j"},
    MetaSchema{"https://json-schema.org/draft/2020-12/meta/core",
               R"j({"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2020-12/meta/core","$vocabulary":{"https://json-schema.org/draft/2020-12/voca)j"
               R"j(b/core":true},"$dynamicAnchor":"meta","title":"Core vocabulary meta-schema","type":["o)j"
               R"j(bject","boolean"],"properties":{"$id":{"$ref":"#/$defs/uriReferenceString","$comment":)j"
               R"j("Non-empty fragments not allowed.","pattern":"^[^#]*#?$"},"$schema":{"$ref":"#/$defs/u)j"
               R"j(riString"},"$ref":{"$ref":"#/$defs/uriReferenceString"},"$anchor":{"$ref":"#/$defs/anc)j"
               R"j(horString"},"$dynamicRef":{"$ref":"#/$defs/uriReferenceString"},"$dynamicAnchor":{"$re)j"
               R"j(f":"#/$defs/anchorString"},"$vocabulary":{"type":"object","propertyNames":{"$ref":"#/$)j"
               R"j(defs/uriString"},"additionalProperties":{"type":"boolean"}},"$comment":{"type":"string)j"
               R"j("},"$defs":{"type":"object","additionalProperties":{"$dynamicRef":"#meta"}}},"$defs":{)j"
               R"j("anchorString":{"type":"string","pattern":"^[A-Za-z_][-A-Za-z0-9._]*$"},"uriString":{")j"
               R"j(type":"string","format":"uri"},"uriReferenceString":{"type":"string","format":"uri-ref)j"
               R"j(erence"}}})j"},
    MetaSchema{"https://json-schema.org/draft/2020-12/meta/format-annotation",
               R"j({"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2020-12/meta/format-annotation","$vocabulary":{"https://json-schema.org/draft)j"
               R"j(/2020-12/vocab/format-annotation":true},"$dynamicAnchor":"meta","title":"Format vocabu)j"
               R"j(lary meta-schema for annotation results","type":["object","boolean"],"properties":{"fo)j"
               R"j(rmat":{"type":"string"}}})j"},
    MetaSchema{"https://json-schema.org/draft/2020-12/meta/format-assertion",
               R"j({"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2020-12/meta/format-assertion","$vocabulary":{"https://json-schema.org/draft/)j"
               R"j(2020-12/vocab/format-assertion":true},"$dynamicAnchor":"meta","title":"Format vocabula)j"
               R"j(ry meta-schema for assertion results","type":["object","boolean"],"properties":{"forma)j"
               R"j(t":{"type":"string"}}})j"},
    MetaSchema{"https://json-schema.org/draft/2020-12/meta/meta-data",
               R"j({"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2020-12/meta/meta-data","$vocabulary":{"https://json-schema.org/draft/2020-12)j"
               R"j(/vocab/meta-data":true},"$dynamicAnchor":"meta","title":"Meta-data vocabulary meta-sch)j"
               R"j(ema","type":["object","boolean"],"properties":{"title":{"type":"string"},"description")j"
               R"j(:{"type":"string"},"default":true,"deprecated":{"type":"boolean","default":false},"rea)j"
               R"j(dOnly":{"type":"boolean","default":false},"writeOnly":{"type":"boolean","default":fals)j"
               R"j(e},"examples":{"type":"array","items":true}}})j"},
    MetaSchema{"https://json-schema.org/draft/2020-12/meta/unevaluated",
               R"j({"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2020-12/meta/unevaluated","$vocabulary":{"https://json-schema.org/draft/2020-)j"
               R"j(12/vocab/unevaluated":true},"$dynamicAnchor":"meta","title":"Unevaluated applicator vo)j"
               R"j(cabulary meta-schema","type":["object","boolean"],"properties":{"unevaluatedItems":{"$)j"
               R"j(dynamicRef":"#meta"},"unevaluatedProperties":{"$dynamicRef":"#meta"}}})j"},
    MetaSchema{"https://json-schema.org/draft/2020-12/meta/validation",
               R"j({"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://json-schema.o)j"
               R"j(rg/draft/2020-12/meta/validation","$vocabulary":{"https://json-schema.org/draft/2020-1)j"
               R"j(2/vocab/validation":true},"$dynamicAnchor":"meta","title":"Validation vocabulary meta-)j"
               R"j(schema","type":["object","boolean"],"properties":{"type":{"anyOf":[{"$ref":"#/$defs/si)j"
               R"j(mpleTypes"},{"type":"array","items":{"$ref":"#/$defs/simpleTypes"},"minItems":1,"uniqu)j"
               R"j(eItems":true}]},"const":true,"enum":{"type":"array","items":true},"multipleOf":{"type")j"
               R"j(:"number","exclusiveMinimum":0},"maximum":{"type":"number"},"exclusiveMaximum":{"type")j"
               R"j(:"number"},"minimum":{"type":"number"},"exclusiveMinimum":{"type":"number"},"maxLength)j"
               R"j(":{"$ref":"#/$defs/nonNegativeInteger"},"minLength":{"$ref":"#/$defs/nonNegativeIntege)j"
               R"j(rDefault0"},"pattern":{"type":"string","format":"regex"},"maxItems":{"$ref":"#/$defs/n)j"
               R"j(onNegativeInteger"},"minItems":{"$ref":"#/$defs/nonNegativeIntegerDefault0"},"uniqueIt)j"
               R"j(ems":{"type":"boolean","default":false},"maxContains":{"$ref":"#/$defs/nonNegativeInte)j"
               R"j(ger"},"minContains":{"$ref":"#/$defs/nonNegativeInteger","default":1},"maxProperties":)j"
               R"j({"$ref":"#/$defs/nonNegativeInteger"},"minProperties":{"$ref":"#/$defs/nonNegativeInte)j"
               R"j(gerDefault0"},"required":{"$ref":"#/$defs/stringArray"},"dependentRequired":{"type":"o)j"
               R"j(bject","additionalProperties":{"$ref":"#/$defs/stringArray"}}},"$defs":{"nonNegativeIn)j"
               R"j(teger":{"type":"integer","minimum":0},"nonNegativeIntegerDefault0":{"$ref":"#/$defs/no)j"
               R"j(nNegativeInteger","default":0},"simpleTypes":{"enum":["array","boolean","integer","nul)j"
               R"j(l","number","object","string"]},"stringArray":{"type":"array","items":{"type":"string")j"
               R"j(},"uniqueItems":true,"default":[]}}})j"},
};
// clang-format on

}  // namespace

std::string_view meta_schema_at(std::string_view uri) {
  for (const MetaSchema& one : kMetaSchemas)
    if (one.uri == uri) return one.text;
  return {};
}

}  // namespace forebay::schema::json
