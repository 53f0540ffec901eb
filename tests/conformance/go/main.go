// Confluent's client for Go against Forebay's registry, and what its serializers write through Forebay's topics.
//
// REGISTRY_URL, REGISTRY_OTHERS (of the other nodes, with commas between; may be empty), SCHEMAS and COURIER say where what is.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	sr "github.com/confluentinc/confluent-kafka-go/v2/schemaregistry"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/rest"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde"
)

// A subject that must be encoded in a path.
const nowhere = "/nothing/like: this%?-value"

func check(holds bool, format string, values ...any) {
	if !holds {
		fmt.Fprintf(os.Stderr, "failed: "+format+"\n", values...)
		os.Exit(1)
	}
}

func equal(found, wanted any, what string) {
	check(reflect.DeepEqual(found, wanted), "%s: found %#v, expected %#v", what, found, wanted)
}

// must is for what has to succeed.
func must[T any](value T, err error) T {
	check(err == nil, "%v", err)
	return value
}

// refused takes what a call answers: the client's own error, with this code. This client keeps no status.
func refused(code int, what string) func(answer any, err error) {
	return func(answer any, err error) {
		check(err != nil, "%s answers %#v, expected error %d", what, answer, code)
		var told *rest.Error
		if pointer := (*url.Error)(nil); errors.As(err, &pointer) {
			err = pointer.Err
		}
		check(errors.As(err, &told), "%s: a rest.Error for %d, found %T %v", what, code, err, err)
		equal(told.Code, code, what+": "+told.Message)
		check(told.Message != "", "a message for %d", code)
	}
}

func client(url string) sr.Client {
	return must(sr.NewClient(sr.NewConfig(url)))
}

func read(names ...string) []byte {
	return must(os.ReadFile(filepath.Join(append([]string{os.Getenv("SCHEMAS")}, names...)...)))
}

type schemas struct{ one, two, bad sr.SchemaInfo }

func schemasOf(form format) schemas {
	of := func(version string) sr.SchemaInfo {
		text := string(read(version, "order."+form.suffix))
		return sr.SchemaInfo{Schema: text, SchemaType: form.kind, References: []sr.Reference{form.reference}}
	}
	return schemas{of("v1"), of("v2"), of("bad")}
}

// evolve registers the address, then two versions that refer to it, and is refused the third.
func evolve(registry sr.Client, form format, subject string) (int, int) {
	first, all := os.Getenv("REGISTRY_URL"), schemasOf(form)
	address := sr.SchemaInfo{Schema: string(read("address." + form.suffix)), SchemaType: form.kind}
	addressID := must(registry.Register(form.reference.Subject, address, false))
	refused(40401, "the latest of nothing")(client(first).GetLatestSchemaMetadata(subject))
	refused(40401, "look-up in nothing")(client(first).GetID(subject, all.one, false))

	one := must(registry.Register(subject, all.one, false))
	equal(must(client(first).Register(subject, all.one, false)), one, "the same schema has the same id")
	refused(40403, "look-up of v2")(client(first).GetID(subject, all.two, false))
	equal(must(registry.TestSubjectCompatibility(subject, all.two)), true, "v2 is compatible with all")
	equal(must(registry.TestCompatibility(subject, 1, all.two)), true, "v2 is compatible with 1")
	equal(must(registry.TestSubjectCompatibility(subject, all.bad)), false, "bad is not compatible with all")
	equal(must(registry.TestCompatibility(subject, 1, all.bad)), false, "bad is not compatible with 1")
	two := must(registry.RegisterFullResponse(subject, all.two, false)).ID
	check(one != two && one != addressID && two != addressID, "another schema has another id: %d %d %d", addressID, one, two)
	refused(40901, "registering bad")(registry.Register(subject, all.bad, false))
	nonsense := sr.SchemaInfo{Schema: `{"type": "nonsense"`, SchemaType: form.kind}
	refused(42201, "registering nonsense")(registry.Register(subject, nonsense, false))
	dangling := all.two
	dangling.References = []sr.Reference{{Name: form.reference.Name, Subject: "no-such", Version: 1}}
	refused(42201, "a reference to nothing")(registry.Register(subject, dangling, false))
	return one, two
}

func look(registry sr.Client, form format, subject string, one, two int) {
	all := schemasOf(form)
	equal(must(registry.GetAllVersions(subject)), []int{1, 2}, "versions")
	latest := must(registry.GetLatestSchemaMetadata(subject))
	equal([]any{latest.Subject, latest.Version, latest.ID}, []any{subject, 2, two}, "the latest version")
	first := must(registry.GetSchemaMetadata(subject, 1))
	equal([]int{first.Version, first.ID}, []int{1, one}, "version 1")
	check(first.SchemaType == form.kind || first.SchemaType == "" && form.kind == "AVRO", "type of version 1: %s", first.SchemaType)
	equal(first.References, []sr.Reference{form.reference}, "references of version 1")
	for index, schema := range []sr.SchemaInfo{all.one, all.two} {
		found := must(registry.GetIDFullResponse(subject, schema, false))
		equal([]int{found.Version, found.ID}, []int{index + 1, []int{one, two}[index]}, "look-up")
		equal(must(registry.GetVersion(subject, schema, false)), index+1, "the version of a schema")
	}
	fresh := client(os.Getenv("REGISTRY_URL"))
	equal(must(fresh.GetBySubjectAndID(subject, two)).References, []sr.Reference{form.reference}, "references by id")
	check(len(first.GUID) == 36, "the GUID of version 1: %q", first.GUID)
	equal(must(fresh.GetByGUID(first.GUID)).Schema, first.Schema, "the schema by GUID")
	equal(must(registry.GetSubjectsAndVersionsByID(two)), []sr.SubjectAndVersion{{Subject: subject, Version: 2}}, "versions of the id")
	check(strings.Contains(fmt.Sprint(must(registry.GetAllSubjects())), subject), "the subject is listed")
	equal(must(registry.GetAllContexts()), []string{"."}, "contexts")
	refused(40402, "version 9")(registry.GetSchemaMetadata(subject, 9))
	refused(42202, "version 0")(registry.GetSchemaMetadata(subject, 0))
	refused(40403, "no such id")(fresh.GetBySubjectAndID(subject, 1_000_000))
	refused(40401, "versions of nothing")(registry.GetAllVersions(nowhere))
}

func configure(registry sr.Client, subject string) {
	refused(40408, "compatibility that is not set")(registry.GetCompatibility(subject))
	equal(must(registry.UpdateCompatibility(subject, sr.FullTransitive)), sr.Compatibility(sr.FullTransitive), "what was set")
	equal(must(registry.GetCompatibility(subject)), sr.Compatibility(sr.FullTransitive), "what is set")
	must(registry.UpdateConfig(subject, sr.ServerConfig{CompatibilityUpdate: sr.Backward, CompatibilityGroup: "major"}))
	config := must(registry.GetConfig(subject, false))
	equal([]any{config.CompatibilityLevel, config.CompatibilityGroup}, []any{sr.Compatibility(sr.Backward), "major"}, "what is set")
	equal(must(registry.GetConfig(nowhere, true)).CompatibilityLevel, sr.Compatibility(sr.Backward), "of nothing: what holds for all")
	equal(must(registry.GetDefaultCompatibility()), sr.Compatibility(sr.Backward), "for all")
}

// carry goes through Forebay: both versions, both framings, and what must not come in.
func carry(registry sr.Client, form format, topic string, one, two int) {
	framed := func(id int) []byte { return binary.BigEndian.AppendUint32([]byte{0}, uint32(id)) }
	check(courier("create", topic, nil, "schema.validation=payload").err == "", "the topic is made")
	var records []record
	var sent []order
	for _, way := range []struct {
		version  string
		id       int
		inHeader bool
	}{{"v1", one, false}, {"v2", two, false}, {"v1", one, true}} {
		serialize := form.serializer(registry, way.version, way.id, way.inHeader)
		for _, plain := range orders {
			if way.version == "v2" {
				plain.Note = "noted"
			}
			headers, value, err := serialize(topic, plain)
			check(err == nil, "%v", err)
			records = append(records, record{value, headers})
			sent = append(sent, plain)
			equal(bytes.HasPrefix(value, framed(way.id)), !way.inHeader, "magic byte and id in front")
			if way.inHeader {
				equal(len(headers), 1, "headers")
				equal([]any{headers[0].Key, headers[0].Value[0], len(headers[0].Value)},
					[]any{"__value_schema_id", byte(1), 17 + form.inHeader}, "the header")
			}
		}
	}
	versions := must(client(os.Getenv("REGISTRY_URL")).GetAllVersions(topic + "-value"))
	equal(versions, []int{1, 2}, "nothing is registered twice")
	equal(courier("send", topic, records).err, "", "the records are taken")

	for _, wrong := range []struct {
		value []byte
		found string
	}{
		{append(framed(one), form.broken...), fmt.Sprintf("no value of schema id %d", one)},
		{append(framed(999_999), form.broken...), "999999"},
		{[]byte("no frame"), "magic byte"},
	} {
		answer := courier("send", topic, append(records[:2:2], record{wrong.value, nil}))
		check(answer.failed && strings.Contains(answer.err, wrong.found), "refused with %q: %s", wrong.found, answer.err)
	}

	got := courier("read", topic, nil).records
	equal(len(got), len(records), "as many records come back")
	deserialize := form.deserializer(client(os.Getenv("REGISTRY_URL")))
	for index, one := range got {
		check(bytes.Equal(one.value, records[index].value), "the bytes of record %d", index)
		order := must(deserialize(topic, one.headers, one.value))
		order.Tags = append([]string{}, order.Tags...) // of none some formats make nil
		equal(order, sent[index], "a record with version 2 as reader")
	}
}

func remove(form format, subject string) {
	fresh := func() sr.Client { return client(os.Getenv("REGISTRY_URL")) }
	registry := fresh()
	refused(42206, "what is referred to")(registry.DeleteSubjectVersion(form.reference.Subject, 1, false))
	refused(40407, "for good first")(registry.DeleteSubjectVersion(subject, 1, true))
	equal(must(registry.DeleteSubjectVersion(subject, 1, false)), 1, "the version that went")
	refused(40406, "the same version twice")(registry.DeleteSubjectVersion(subject, 1, false))
	equal(must(fresh().GetAllVersions(subject)), []int{2}, "what is left")
	equal(must(fresh().GetSchemaMetadataIncludeDeleted(subject, 1, true)).Version, 1, "what was deleted softly")
	equal(must(registry.DeleteSubjectVersion(subject, 1, true)), 1, "the version that went for good")
	refused(40402, "for good twice")(registry.DeleteSubjectVersion(subject, 1, true))
	refused(40405, "the subject for good first")(registry.DeleteSubject(subject, true))
	equal(must(registry.DeleteSubject(subject, false)), []int{2}, "the versions that went")
	refused(40404, "the subject twice")(registry.DeleteSubject(subject, false))
	equal(must(registry.DeleteSubject(subject, true)), []int{2}, "the versions that went for good")
	refused(40401, "the subject that is gone")(registry.DeleteSubject(subject, false))
}

func main() {
	for _, form := range []format{avroFormat(), protobufFormat(), jsonFormat()} {
		registry, topic := client(os.Getenv("REGISTRY_URL")), "go-"+form.suffix
		subject := topic + "-value"
		one, two := evolve(registry, form, subject)
		for _, url := range strings.Split(os.Getenv("REGISTRY_URL")+","+os.Getenv("REGISTRY_OTHERS"), ",") {
			if url != "" {
				look(client(url), form, subject, one, two)
			}
		}
		configure(registry, subject)
		carry(registry, form, topic, one, two)
		remove(form, subject)
		fmt.Println(form.kind, "passed")
	}
}

type serializing func(topic string, value order) ([]kafka.Header, []byte, error)
type deserializing func(topic string, headers []kafka.Header, value []byte) (order, error)

type format struct {
	kind, suffix string
	reference    sr.Reference
	broken       []byte
	inHeader     int // bytes behind the GUID
	serializer   func(registry sr.Client, version string, id int, inHeader bool) serializing
	deserializer func(registry sr.Client) deserializing
}

func framing(serializer *serde.BaseSerializer, inHeader bool) {
	if inHeader {
		serializer.SchemaIDSerializer = serde.HeaderSchemaIDSerializer
	}
}
