package config

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Schema is the JSON Schema (draft 2020-12) of config.yaml, made from the same
// fields that are read, so that the two can't differ. kinds are as in Load.
func Schema(kinds ...string) []byte {
	s := object(reflect.TypeFor[Config]())
	property(s, "systems")["items"] = oneOf(object(reflect.TypeFor[System]()), "kind", kinds)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "wheelhouse config.yaml"
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // it holds only maps, slices and strings
	}
	return append(b, '\n')
}

func object(t reflect.Type) map[string]any {
	props := map[string]any{}
	for i := range t.NumField() {
		f := t.Field(i)
		p := schemaOf(f.Type)
		p["description"] = f.Tag.Get("help")
		if c := f.Tag.Get("choices"); c != "" {
			p["enum"] = strings.Split(c, ",")
		}
		if e := f.Tag.Get("example"); e != "" {
			p["examples"] = []string{e}
		}
		props[f.Tag.Get("yaml")] = p
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": props}
}

func property(object map[string]any, name string) map[string]any {
	return object["properties"].(map[string]any)[name].(map[string]any)
}

// oneOf says which values a property of an object may have.
func oneOf(object map[string]any, name string, values []string) map[string]any {
	property(object, name)["enum"] = values
	return object
}

func schemaOf(t reflect.Type) map[string]any {
	switch t.Kind() {
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Struct:
		return object(t)
	}
	return map[string]any{"type": "string"}
}
