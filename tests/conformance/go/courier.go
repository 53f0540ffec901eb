package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

type record struct {
	value   []byte
	headers []kafka.Header
}

// What courier.py reads and writes; encoding/json has bytes as base64.
type line struct {
	Value   []byte            `json:"value"`
	Headers map[string][]byte `json:"headers"`
}

type outcome struct {
	failed  bool
	err     string
	records []record
}

// courier carries records into a topic, or out of it.
func courier(what, topic string, records []record, more ...string) outcome {
	var words []string
	check(json.Unmarshal([]byte(os.Getenv("COURIER")), &words) == nil, "COURIER")
	words = append(append(words, what, topic), more...)
	var in, out, err bytes.Buffer
	for _, one := range records {
		told := line{one.value, map[string][]byte{}}
		for _, header := range one.headers {
			told.Headers[header.Key] = header.Value
		}
		in.Write(append(must(json.Marshal(told)), '\n'))
	}
	command := exec.Command(words[0], words[1:]...)
	command.Stdin, command.Stdout, command.Stderr = &in, &out, &err
	failed := command.Run() != nil
	done := outcome{failed: failed, err: err.String()}
	for reader := json.NewDecoder(&out); reader.More(); {
		var told line
		check(reader.Decode(&told) == nil, "a line of the courier")
		one := record{value: told.Value}
		for name, value := range told.Headers {
			one.headers = append(one.headers, kafka.Header{Key: name, Value: value})
		}
		done.records = append(done.records, one)
	}
	return done
}
