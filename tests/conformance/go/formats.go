package main

import (
	"strings"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	sr "github.com/confluentinc/confluent-kafka-go/v2/schemaregistry"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde/avrov2"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde/jsonschema"
	"github.com/confluentinc/confluent-kafka-go/v2/schemaregistry/serde/protobuf"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

type address struct {
	Street string `avro:"street" json:"street"`
	City   string `avro:"city" json:"city"`
}

type order struct {
	ID      string   `avro:"id" json:"id"`
	Amount  int64    `avro:"amount" json:"amount"`
	Tags    []string `avro:"tags" json:"tags"`
	Address address  `avro:"address" json:"address"`
	Note    string   `avro:"-" json:"note,omitempty"`
}

var orders = []order{
	{ID: "a-1", Amount: 10, Tags: []string{}, Address: address{City: "Bern"}},
	{ID: "\n", Amount: -(1 << 40), Tags: []string{"x", "ü\n"}, Address: address{"Weg 1", "Zürich"}},
	{ID: "c-3", Tags: []string{strings.Repeat("long", 500)}, Address: address{"s", "c"}},
}

// --- Avro

type avroOrder struct {
	order
	Optional *string `avro:"note"`
}

func avroFormat() format {
	return format{
		kind: "AVRO", suffix: "avsc", reference: sr.Reference{Name: "conformance.Address", Subject: "conformance.Address", Version: 1},
		broken: []byte("\x02a"), // ends within the record
		serializer: func(registry sr.Client, _ string, id int, inHeader bool) serializing {
			conf := avrov2.NewSerializerConfig()
			conf.AutoRegisterSchemas, conf.UseSchemaID = false, id
			serializer := must(avrov2.NewSerializer(registry, serde.ValueSerde, conf))
			framing(&serializer.BaseSerializer, inHeader)
			return func(topic string, value order) ([]kafka.Header, []byte, error) {
				told := avroOrder{order: value}
				if value.Note != "" {
					told.Optional = &value.Note
				}
				return serializer.SerializeWithHeaders(topic, &told)
			}
		},
		deserializer: func(registry sr.Client) deserializing {
			conf := avrov2.NewDeserializerConfig()
			conf.UseLatestVersion = true
			deserializer := must(avrov2.NewDeserializer(registry, serde.ValueSerde, conf))
			return func(topic string, headers []kafka.Header, value []byte) (order, error) {
				var got avroOrder
				err := deserializer.DeserializeWithHeadersInto(topic, headers, value, &got)
				if got.Optional != nil {
					got.Note = *got.Optional
				}
				return got.order, err
			}
		},
	}
}

// --- JSON Schema

func jsonFormat() format {
	return format{
		kind: "JSON", suffix: "json", reference: sr.Reference{Name: "address.json", Subject: "address.json", Version: 1},
		broken: []byte(`{"id": "a", "amount": "ten"}`),
		serializer: func(registry sr.Client, _ string, id int, inHeader bool) serializing {
			conf := jsonschema.NewSerializerConfig()
			conf.AutoRegisterSchemas, conf.UseSchemaID, conf.EnableValidation = false, id, true
			serializer := must(jsonschema.NewSerializer(registry, serde.ValueSerde, conf))
			framing(&serializer.BaseSerializer, inHeader)
			return func(topic string, value order) ([]kafka.Header, []byte, error) {
				return serializer.SerializeWithHeaders(topic, &value)
			}
		},
		deserializer: func(registry sr.Client) deserializing {
			conf := jsonschema.NewDeserializerConfig()
			conf.UseLatestVersion = true
			deserializer := must(jsonschema.NewDeserializer(registry, serde.ValueSerde, conf))
			return func(topic string, headers []kafka.Header, value []byte) (got order, err error) {
				err = deserializer.DeserializeWithHeadersInto(topic, headers, value, &got)
				return got, err
			}
		},
	}
}

// --- Protobuf

func messageOf(version string) protoreflect.MessageDescriptor {
	var set descriptorpb.FileDescriptorSet
	check(proto.Unmarshal(read(version+".desc"), &set) == nil, "a descriptor")
	files := must(protodesc.NewFiles(&set))
	return must(files.FindDescriptorByName("conformance.Order")).(protoreflect.MessageDescriptor)
}

func protobufFormat() format {
	return format{
		kind: "PROTOBUF", suffix: "proto", reference: sr.Reference{Name: "address.proto", Subject: "address.proto", Version: 1},
		broken:   []byte("\x00\x0a\x05a"), // index of the message, then a text that is cut
		inHeader: 1,                       // the index of the message
		serializer: func(registry sr.Client, version string, _ int, inHeader bool) serializing {
			conf := protobuf.NewSerializerConfig()
			// Registering again what is there, as the client writes it, gives the same id.
			conf.AutoRegisterSchemas = version == "v2"
			serializer := must(protobuf.NewSerializer(registry, serde.ValueSerde, conf))
			framing(&serializer.BaseSerializer, inHeader)
			message := messageOf(version)
			return func(topic string, value order) ([]kafka.Header, []byte, error) {
				return serializer.SerializeWithHeaders(topic, toMessage(message, value))
			}
		},
		deserializer: func(registry sr.Client) deserializing {
			deserializer := must(protobuf.NewDeserializer(registry, serde.ValueSerde, protobuf.NewDeserializerConfig()))
			message := messageOf("v2")
			return func(topic string, headers []kafka.Header, value []byte) (order, error) {
				got := dynamicpb.NewMessage(message)
				err := deserializer.DeserializeWithHeadersInto(topic, headers, value, got)
				return fromMessage(got), err
			}
		},
	}
}

func toMessage(descriptor protoreflect.MessageDescriptor, value order) proto.Message {
	message := dynamicpb.NewMessage(descriptor)
	field := descriptor.Fields().ByName
	message.Set(field("id"), protoreflect.ValueOfString(value.ID))
	message.Set(field("amount"), protoreflect.ValueOfInt64(value.Amount))
	for _, tag := range value.Tags {
		message.Mutable(field("tags")).List().Append(protoreflect.ValueOfString(tag))
	}
	place := message.Mutable(field("address")).Message()
	inPlace := place.Descriptor().Fields().ByName
	place.Set(inPlace("street"), protoreflect.ValueOfString(value.Address.Street))
	place.Set(inPlace("city"), protoreflect.ValueOfString(value.Address.City))
	if note := field("note"); note != nil {
		message.Set(note, protoreflect.ValueOfString(value.Note))
	}
	return message
}

func fromMessage(message protoreflect.Message) order {
	field := message.Descriptor().Fields().ByName
	place := message.Get(field("address")).Message()
	inPlace := place.Descriptor().Fields().ByName
	value := order{
		ID: message.Get(field("id")).String(), Amount: message.Get(field("amount")).Int(), Tags: []string{},
		Address: address{place.Get(inPlace("street")).String(), place.Get(inPlace("city")).String()},
		Note:    message.Get(field("note")).String(),
	}
	tags := message.Get(field("tags")).List()
	for index := range tags.Len() {
		value.Tags = append(value.Tags, tags.Get(index).String())
	}
	return value
}
