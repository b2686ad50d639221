package shop

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/argo"
	"wheelhouse/backend/sandbox/kube"
)

// onArgo says whether a program comes to everybody step by step, as a canary.
func onArgo(program string) bool { return program == "checkout" }

type object = map[string]any

// canary is the rollout of a program, and the analysis that it is held against.
func canary(c *kube.Cluster, p sandbox.Program, w where) error {
	t := template(p, first()[p.Name], w)
	pods, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&t)
	if err != nil {
		return fmt.Errorf("the template of %s: %w", p.Name, err)
	}
	meta := metav1.ObjectMeta{Namespace: namespace, Name: p.Name, Labels: map[string]string{"app": p.Name, "team": w.team}}
	field := func(name, path string) any {
		return object{"name": name, "valueFrom": object{"fieldRef": object{"fieldPath": path}}}
	}
	analysis := object{
		"templates": []any{object{"templateName": "success-rate"}},
		"args":      []any{field("service", "metadata.name"), field("image", "spec.template.spec.containers[0].image")},
	}
	c.Create(&argo.Template{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "success-rate"}, Spec: kube.Fields{
		"args": []any{object{"name": "service"}, object{"name": "image"}},
		"metrics": []any{object{
			"name": "success-rate", "interval": "10s", "count": int64(6), "failureLimit": int64(1), "inconclusiveLimit": int64(2),
			"successCondition": "result[0] >= 98", "failureCondition": "result[0] < 95",
			"provider": object{"influxdb": object{"profile": "influxdb", "query": successRate}},
		}},
	}})
	c.Create(&argo.Rollout{ObjectMeta: meta, Spec: kube.Fields{
		"replicas": int64(w.replicas), "selector": object{"matchLabels": object{"app": p.Name}}, "template": pods,
		"strategy": object{"canary": object{"steps": []any{
			object{"setWeight": int64(20)},
			object{"pause": object{}},
			object{"analysis": analysis},
			object{"setWeight": int64(50)},
			object{"pause": object{"duration": "1m"}},
			object{"setWeight": int64(100)},
		}}},
	}})
	return nil
}

// successRate is the share of the calls to one version of a service that went well, in
// percent.
const successRate = `import "strings"
from(bucket: "shop")
  |> range(start: -1m)
  |> filter(fn: (r) => r._measurement == "http_requests" and r._field == "errors")
  |> filter(fn: (r) => r.service == "{{args.service}}" and r.version == strings.split(v: "{{args.image}}", t: ":")[1])
  |> mean()
  |> map(fn: (r) => ({r with _value: 100.0 - r._value}))`

// setImages gives the containers of a template in JSON another image.
func setImages(spec kube.Fields, image string) {
	template, _ := spec["template"].(object)
	pods, _ := template["spec"].(object)
	containers, _ := pods["containers"].([]any)
	for _, one := range containers {
		if c, ok := one.(object); ok {
			c["image"] = image
		}
	}
}
